/* Frames on a wire: COBS between zero bytes, with a CRC-16 behind each frame. */
#ifndef GFL_FRAMING_H
#define GFL_FRAMING_H

#include "frame.h"

/* A frame is built this far into a buffer, so that encoding may move it forward in place. */
#define GFL_HEADROOM (2 + (GFL_FRAME_MAX + 2) / 254)
#define GFL_WIRE_MAX (GFL_HEADROOM + GFL_FRAME_MAX + 2 + 1)

/* Encode the frame of `length` bytes at buffer + GFL_HEADROOM; returns the bytes to send, which start
 * at the buffer's and end with the delimiter. */
size_t gfl_enframe(uint8_t buffer[GFL_WIRE_MAX], size_t length);

/* Starts as zeros. */
struct gfl_deframer {
    uint8_t bytes[GFL_FRAME_MAX + 2];
    uint16_t filled;
    uint8_t left;
    bool zero_due;
    bool spoilt;
};

/* Take one byte off the wire; returns the length of the frame that it completes, in `bytes`, or 0.
 * Whatever is garbled, cut or too long is dropped up to the next delimiter. */
size_t gfl_deframe(struct gfl_deframer *deframer, uint8_t byte);

#endif
