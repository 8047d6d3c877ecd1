/* Sealed frames: a head in the clear, and a message that only the two ends can read or make.
 *
 * The head is the nonce too.  Counters are the device's: each of its frames has a higher one than all
 * before, under any key, and an answer bears the counter of what it answers. */
#ifndef GFL_FRAME_H
#define GFL_FRAME_H

#include "aead.h"
#include "config.h"

#define GFL_PROTOCOL 1
#define GFL_ID_BYTES 4
#define GFL_HEAD_BYTES 10
#define GFL_FRAME_MAX (GFL_HEAD_BYTES + GFL_MESSAGE_MAX + GFL_TAG_BYTES)

enum gfl_direction { GFL_TO_GATEWAY, GFL_TO_DEVICE };

struct gfl_identity {
    uint8_t id[GFL_ID_BYTES];
    uint8_t epoch;
    uint8_t key[GFL_KEY_BYTES];
};

/* Seal the message of `length` bytes at frame + GFL_HEAD_BYTES; returns the frame's length. */
size_t gfl_seal_frame(const struct gfl_identity *identity, enum gfl_direction direction,
                      uint32_t counter, uint8_t *frame, size_t length);

/* The length of the message in a frame, which then lies at frame + GFL_HEAD_BYTES; 0 if the frame has
 * another head than this one, or was not made with this key. */
size_t gfl_open_frame(const struct gfl_identity *identity, enum gfl_direction direction,
                      uint32_t counter, uint8_t *frame, size_t length);

#endif
