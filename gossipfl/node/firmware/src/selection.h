/* The largest entries of what was not told yet. */
#ifndef GFL_SELECTION_H
#define GFL_SELECTION_H

#include "entries.h"

/* The `wanted` (1 to GFL_ENTRIES_MAX) entries that are largest in magnitude; ties go to lower indices, and
 * what the smallest scale would overshoot stays out.  False if one is not finite. */
bool gfl_select(const float *residual, uint32_t size, uint32_t wanted, struct gfl_entries *out);

#endif
