/* The entries of one delta, and the tensors that they lie in. */
#ifndef GFL_ENTRIES_H
#define GFL_ENTRIES_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"

/* Where each tensor of the flat vector ends, in order; the last one where the vector does. */
struct gfl_tensors {
    uint32_t count;
    uint16_t stops[2 * GFL_LAYERS_MAX];
};

/* indices ascend.  Bit 0 of a mark is the sign (1: negative), bit 1 the level. */
struct gfl_entries {
    uint32_t count;
    uint16_t indices[GFL_ENTRIES_MAX];
    float values[GFL_ENTRIES_MAX];
    uint8_t marks[GFL_ENTRIES_MAX];
};

#endif
