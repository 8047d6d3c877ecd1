#include "sampling.h"

static uint32_t draw(struct gfl_sampling *sampling)
{
    /* Xorshift (Marsaglia 2003). */
    uint32_t state = sampling->state;
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return sampling->state = state;
}

static uint32_t common_divisor(uint32_t first, uint32_t second)
{
    while (second) {
        uint32_t rest = first % second;
        first = second;
        second = rest;
    }
    return first;
}

/* Steps of a stride that has no factor in common with the count reach every place once. */
static void begin_epoch(struct gfl_sampling *sampling)
{
    sampling->done = 0;
    sampling->place = draw(sampling) % sampling->count;
    do
        sampling->stride = 1 + draw(sampling) % sampling->count;
    while (common_divisor(sampling->stride, sampling->count) != 1);
}

void gfl_sampling_start(struct gfl_sampling *sampling, uint32_t count, uint32_t seed)
{
    sampling->count = count;
    sampling->state = seed ? seed : 1;
    begin_epoch(sampling);
}

uint32_t gfl_sampling_next(struct gfl_sampling *sampling)
{
    if (sampling->done == sampling->count)
        begin_epoch(sampling);
    sampling->done++;
    sampling->place = (sampling->place + sampling->stride) % sampling->count;
    return sampling->place;
}
