/* Rice-coded gaps between ascending indices, each with its mark.
 *
 * A gap g is written, with the parameter r and q = g >> r, as q ones, a zero and the r low bits of g;
 * from q = 24 on as 24 ones and all of g in as many bits as the largest index needs. */
#ifndef GFL_RICE_H
#define GFL_RICE_H

#include "bits.h"
#include "entries.h"

#define GFL_RICE_MAX 24

/* The parameter that the cluster's other nodes would choose too. */
unsigned gfl_rice_parameter(const struct gfl_entries *entries, uint32_t size);

void gfl_put_entries(struct gfl_bit_writer *writer, const struct gfl_entries *entries,
                     unsigned mark_bits, unsigned rice, uint32_t size);

/* Fill indices and marks of entries->count entries; false for a stream that no encoder makes. */
bool gfl_take_entries(struct gfl_bit_reader *reader, struct gfl_entries *entries,
                      unsigned mark_bits, unsigned rice, uint32_t size);

#endif
