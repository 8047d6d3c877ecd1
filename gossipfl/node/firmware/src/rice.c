#include "rice.h"

#define ESCAPE 24u

static unsigned bit_length(uint32_t number)
{
    unsigned bits = 0;
    while (number >> bits)
        bits++;
    return bits;
}

static uint32_t gap_before(const struct gfl_entries *entries, uint32_t place)
{
    return place ? entries->indices[place] - entries->indices[place - 1] - 1u
                 : entries->indices[0];
}

static uint32_t cost(const struct gfl_entries *entries, unsigned rice, uint32_t size)
{
    uint32_t total = 0, escaped = ESCAPE + bit_length(size - 1);
    for (uint32_t i = 0; i < entries->count; i++) {
        uint32_t ones = gap_before(entries, i) >> rice;
        total += ones < ESCAPE ? ones + 1 + rice : escaped;
    }
    return total;
}

unsigned gfl_rice_parameter(const struct gfl_entries *entries, uint32_t size)
{
    /* ln 2: what suits the mean of exponentially distributed gaps.  Then downhill, and the lower of
     * equals, in float64 as every other node does. */
    unsigned likely = bit_length((uint32_t)(0.69 * (double)size / (double)entries->count));
    unsigned best = likely ? likely - 1 : 0;
    uint32_t least = cost(entries, best, size);
    while (best > 0 && cost(entries, best - 1, size) <= least)
        least = cost(entries, --best, size);
    while (best < GFL_RICE_MAX && cost(entries, best + 1, size) < least)
        least = cost(entries, ++best, size);
    return best;
}

void gfl_put_entries(struct gfl_bit_writer *writer, const struct gfl_entries *entries,
                     unsigned mark_bits, unsigned rice, uint32_t size)
{
    for (uint32_t i = 0; i < entries->count; i++) {
        uint32_t gap = gap_before(entries, i), ones = gap >> rice;
        if (ones < ESCAPE) {
            gfl_put_bits(writer, (1u << ones) - 1, ones + 1);
            gfl_put_bits(writer, gap, rice);
        } else {
            gfl_put_bits(writer, (1u << ESCAPE) - 1, ESCAPE);
            gfl_put_bits(writer, gap, bit_length(size - 1));
        }
        gfl_put_bits(writer, entries->marks[i], mark_bits);
    }
}

/* A gap, or `size` for one that no encoder writes. */
static uint32_t take_gap(struct gfl_bit_reader *reader, unsigned rice, uint32_t size)
{
    uint32_t ones = 0;
    while (ones < ESCAPE && gfl_take_bits(reader, 1))
        ones++;
    if (ones < ESCAPE) {
        uint32_t low = gfl_take_bits(reader, rice);
        return ones > size >> rice ? size : (ones << rice) + low;
    }
    uint32_t gap = gfl_take_bits(reader, bit_length(size - 1));
    return gap >> rice < ESCAPE ? size : gap;
}

bool gfl_take_entries(struct gfl_bit_reader *reader, struct gfl_entries *entries,
                      unsigned mark_bits, unsigned rice, uint32_t size)
{
    uint32_t next = 0;
    for (uint32_t i = 0; i < entries->count; i++) {
        uint32_t gap = take_gap(reader, rice, size);
        if (next >= size || gap >= size - next)
            return false;
        entries->indices[i] = (uint16_t)(next + gap);
        entries->marks[i] = (uint8_t)gfl_take_bits(reader, mark_bits);
        next += gap + 1;
    }
    return gfl_bits_hold(reader);
}
