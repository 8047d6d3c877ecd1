/* A stream of bits, lowest bit of each byte first. */
#ifndef GFL_BITS_H
#define GFL_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Writes beyond `room` bytes are counted but not made, so that the caller looks only once. */
struct gfl_bit_writer {
    uint8_t *bytes;
    size_t room;
    size_t position;
};

/* Reads beyond `length` bytes give zeros, and leave `position` beyond the end. */
struct gfl_bit_reader {
    const uint8_t *bytes;
    size_t length;
    size_t position;
};

void gfl_put_bits(struct gfl_bit_writer *writer, uint32_t bits, unsigned count);
uint32_t gfl_take_bits(struct gfl_bit_reader *reader, unsigned count);

/* Whether what was written or read lies inside. */
bool gfl_bits_fit(const struct gfl_bit_writer *writer);
bool gfl_bits_hold(const struct gfl_bit_reader *reader);

#endif
