/* Deltas and their bytes, equal to the bit to those of every other node of the cluster.
 *
 * Top-k entries as signs, or signs and levels, times a scale shared within a tensor. */
#ifndef GFL_CODEC_H
#define GFL_CODEC_H

#include <stddef.h>

#include "entries.h"

/* Write the payload of selected entries, whose values it replaces by what the payload says; returns
 * its bytes, 0 if there is no room for it.  mark_bits: 1 (signs), or 2 (signs and levels). */
size_t gfl_encode(const struct gfl_tensors *tensors, unsigned mark_bits,
                  struct gfl_entries *entries, uint8_t *out, size_t room);

/* Read a payload.  False for all bytes that are no delta of this model with GFL_ENTRIES_MAX entries
 * at most. */
bool gfl_decode(const struct gfl_tensors *tensors, const uint8_t *payload, size_t length,
                struct gfl_entries *out);

#endif
