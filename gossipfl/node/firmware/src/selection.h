/* The largest entries of a difference of vectors, which is nowhere stored. */
#ifndef GFL_SELECTION_H
#define GFL_SELECTION_H

#include "entries.h"

/* The `wanted` (1 to GFL_ENTRIES_MAX) entries of x - anchor that are largest in magnitude; ties go to
 * lower indices, and what the smallest scale would overshoot stays out.  False if one is not finite. */
bool gfl_select(const float *x, const float *anchor, uint32_t size, uint32_t wanted,
                struct gfl_entries *out);

#endif
