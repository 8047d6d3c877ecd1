#include "codec.h"

#include "rice.h"
#include "scales.h"

#define TWO_BITS 0x20u
#define COUNT_BYTES 4u

static uint32_t size_of(const struct gfl_tensors *tensors)
{
    return tensors->stops[tensors->count - 1];
}

/* The first entry from `start` on that does not lie before `stop`. */
static uint32_t first_from(const struct gfl_entries *entries, uint32_t start, uint16_t stop)
{
    while (start < entries->count && entries->indices[start] < stop)
        start++;
    return start;
}

static double magnitude(float value)
{
    return value < 0 ? -(double)value : (double)value;
}

/* The mean magnitude of the entries of one level (any: 2), and how many there are. */
static double mean(const struct gfl_entries *entries, uint32_t start, uint32_t stop,
                   unsigned level, uint32_t *count)
{
    double total = 0;
    *count = 0;
    for (uint32_t i = start; i < stop; i++)
        if (level == 2 || entries->marks[i] >> 1 == level) {
            total += magnitude(entries->values[i]);
            ++*count;
        }
    return *count ? total / (double)*count : 0;
}

/* Give the entries of one tensor their marks. */
static void mark(struct gfl_entries *entries, uint32_t start, uint32_t stop, unsigned mark_bits)
{
    uint32_t count;
    double middle = mark_bits == 2 ? mean(entries, start, stop, 2, &count) : 0;
    for (uint32_t i = start; i < stop; i++) {
        bool raised = mark_bits == 2 && magnitude(entries->values[i]) > middle;
        entries->marks[i] = (uint8_t)(raised << 1 | (entries->values[i] < 0));
    }
}

static void give_values(struct gfl_entries *entries, uint32_t start, uint32_t stop,
                        unsigned level, float scale)
{
    for (uint32_t i = start; i < stop; i++)
        if (entries->marks[i] >> 1 == level)
            entries->values[i] = entries->marks[i] & 1 ? -scale : scale;
}

static void put_scales(struct gfl_bit_writer *writer, const struct gfl_tensors *tensors,
                       struct gfl_entries *entries)
{
    uint32_t start = 0;
    for (uint32_t tensor = 0; tensor < tensors->count; tensor++) {
        uint32_t stop = first_from(entries, start, tensors->stops[tensor]), count;
        for (unsigned level = 0; level < 2; level++) {
            double size = mean(entries, start, stop, level, &count);
            if (!count)
                continue;
            uint8_t code = gfl_scale_code(size);
            gfl_put_bits(writer, code, 8);
            give_values(entries, start, stop, level, gfl_scale(code));
        }
        start = stop;
    }
}

static void mark_all(const struct gfl_tensors *tensors, struct gfl_entries *entries,
                     unsigned mark_bits)
{
    uint32_t start = 0;
    for (uint32_t tensor = 0; tensor < tensors->count; tensor++) {
        uint32_t stop = first_from(entries, start, tensors->stops[tensor]);
        mark(entries, start, stop, mark_bits);
        start = stop;
    }
}

size_t gfl_encode(const struct gfl_tensors *tensors, unsigned mark_bits,
                  struct gfl_entries *entries, uint8_t *out, size_t room)
{
    struct gfl_bit_writer writer = { out, room, 0 };
    uint32_t count = entries->count;
    for (; count > 0x7F; count >>= 7)
        gfl_put_bits(&writer, (count & 0x7F) | 0x80, 8);
    gfl_put_bits(&writer, count, 8);
    if (entries->count) {
        unsigned rice = gfl_rice_parameter(entries, size_of(tensors));
        mark_all(tensors, entries, mark_bits);
        gfl_put_bits(&writer, rice | (mark_bits == 2 ? TWO_BITS : 0), 8);
        gfl_put_entries(&writer, entries, mark_bits, rice, size_of(tensors));
        put_scales(&writer, tensors, entries);
    }
    return gfl_bits_fit(&writer) ? (writer.position + 7) / 8 : 0;
}

static bool has_level(const struct gfl_entries *entries, uint32_t start, uint32_t stop,
                      unsigned level)
{
    for (uint32_t i = start; i < stop; i++)
        if (entries->marks[i] >> 1 == level)
            return true;
    return false;
}

static void take_scales(struct gfl_bit_reader *reader, const struct gfl_tensors *tensors,
                        struct gfl_entries *entries)
{
    uint32_t start = 0;
    for (uint32_t tensor = 0; tensor < tensors->count; tensor++) {
        uint32_t stop = first_from(entries, start, tensors->stops[tensor]);
        for (unsigned level = 0; level < 2; level++)
            if (has_level(entries, start, stop, level)) {
                uint8_t code = (uint8_t)gfl_take_bits(reader, 8);
                give_values(entries, start, stop, level, gfl_scale(code));
            }
        start = stop;
    }
}

/* The number of entries; false for one too large, or written in more bytes than it needs. */
static bool take_count(struct gfl_bit_reader *reader, uint32_t size, uint32_t *count)
{
    uint32_t byte = 0x80, place = 0;
    *count = 0;
    while (byte & 0x80) {
        if (place == COUNT_BYTES)
            return false;
        byte = gfl_take_bits(reader, 8);
        *count |= (byte & 0x7F) << 7 * place++;
    }
    return (byte || place == 1) && *count <= size && *count <= GFL_ENTRIES_MAX;
}

/* Nothing but the zeros that fill the last byte may follow. */
static bool ends_here(struct gfl_bit_reader *reader)
{
    unsigned rest = (unsigned)((8 - reader->position % 8) % 8);
    return gfl_take_bits(reader, rest) == 0 && reader->position == 8 * reader->length;
}

bool gfl_decode(const struct gfl_tensors *tensors, const uint8_t *payload, size_t length,
                struct gfl_entries *out)
{
    struct gfl_bit_reader reader = { payload, length, 0 };
    if (!take_count(&reader, size_of(tensors), &out->count))
        return false;
    if (out->count) {
        uint32_t shape = gfl_take_bits(&reader, 8), rice = shape & (TWO_BITS - 1);
        if (shape >= 2 * TWO_BITS || rice > GFL_RICE_MAX)
            return false;
        unsigned mark_bits = shape & TWO_BITS ? 2 : 1;
        if (!gfl_take_entries(&reader, out, mark_bits, rice, size_of(tensors)))
            return false;
        take_scales(&reader, tensors, out);
    }
    return ends_here(&reader);
}
