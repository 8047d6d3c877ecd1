#include "selection.h"

#include "arithmetic.h"
#include "scales.h"

/* How many magnitudes have at least these bits. */
static uint32_t count_from(const float *residual, uint32_t size, uint32_t least)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < size; i++)
        count += gfl_magnitude(residual[i]) >= least;
    return count;
}

/* The largest bits that still `wanted` magnitudes have or exceed. */
static uint32_t find_cut(const float *residual, uint32_t size, uint32_t wanted)
{
    uint32_t low = 0, high = GFL_INFINITE;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (count_from(residual, size, middle) >= wanted)
            low = middle;
        else
            high = middle;
    }
    return low;
}

bool gfl_select(const float *residual, uint32_t size, uint32_t wanted, struct gfl_entries *out)
{
    out->count = 0;
    if (count_from(residual, size, GFL_INFINITE))
        return false;
    uint32_t cut = find_cut(residual, size, wanted < size ? wanted : size);
    uint32_t ties = wanted - count_from(residual, size, cut + 1);
    for (uint32_t i = 0; i < size; i++) {
        uint32_t magnitude = gfl_magnitude(residual[i]);
        if (magnitude < cut || magnitude < GFL_SCALE_MIN_BITS || (magnitude == cut && !ties))
            continue;
        ties -= magnitude == cut;
        out->indices[out->count] = (uint16_t)i;
        out->values[out->count++] = residual[i];
    }
    return true;
}
