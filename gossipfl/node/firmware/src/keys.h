/* Keys of one device: the first from its code, every further one from the one before. */
#ifndef GFL_KEYS_H
#define GFL_KEYS_H

#include "frame.h"

#define GFL_CODE_BYTES 16
#define GFL_CHANCE_BYTES 16
#define GFL_EPOCH_MAX 255

/* Read an enrolment code as people type it: 26 letters and digits 2 to 7, dashes and spaces free.
 * False if it is none. */
bool gfl_read_code(const char *text, uint8_t code[GFL_CODE_BYTES]);

/* The identity that a code stands for, of epoch 0. */
void gfl_first_identity(const uint8_t code[GFL_CODE_BYTES], struct gfl_identity *out);

/* Replace the key by that of the next epoch, from what both ends drew. */
void gfl_next_key(struct gfl_identity *identity, const uint8_t ours[GFL_CHANCE_BYTES],
                  const uint8_t theirs[GFL_CHANCE_BYTES]);

#endif
