#include "bits.h"

void gfl_put_bits(struct gfl_bit_writer *writer, uint32_t bits, unsigned count)
{
    for (unsigned i = 0; i < count; i++, writer->position++) {
        size_t byte = writer->position / 8, shift = writer->position % 8;
        if (byte >= writer->room)
            continue;
        if (shift == 0)
            writer->bytes[byte] = 0;
        writer->bytes[byte] |= (uint8_t)((bits >> i & 1) << shift);
    }
}

uint32_t gfl_take_bits(struct gfl_bit_reader *reader, unsigned count)
{
    uint32_t bits = 0;
    for (unsigned i = 0; i < count; i++, reader->position++) {
        size_t byte = reader->position / 8;
        if (byte < reader->length)
            bits |= (uint32_t)(reader->bytes[byte] >> reader->position % 8 & 1) << i;
    }
    return bits;
}

bool gfl_bits_fit(const struct gfl_bit_writer *writer)
{
    return writer->position <= 8 * writer->room;
}

bool gfl_bits_hold(const struct gfl_bit_reader *reader)
{
    return reader->position <= 8 * reader->length;
}
