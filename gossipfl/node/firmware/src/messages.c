#include "messages.h"

#include "arithmetic.h"
#include "bytes.h"

size_t gfl_write_key(uint8_t *out, const uint8_t chance[GFL_CHANCE_BYTES])
{
    out[0] = GFL_KEY;
    gfl_copy(out + 1, chance, GFL_CHANCE_BYTES);
    return 1 + GFL_CHANCE_BYTES;
}

size_t gfl_write_hello(uint8_t *out, const struct gfl_samples *samples, uint8_t battery,
                       uint32_t sequence, const uint8_t digest[GFL_DIGEST_BYTES])
{
    out[0] = GFL_HELLO;
    gfl_store32(out + 1, GFL_UPLOAD ? 0 : GFL_PARAMETERS_MAX);
    gfl_store16(out + 5, GFL_UNITS_MAX);
    out[7] = GFL_LAYERS_MAX;
    out[8] = GFL_MOMENTUM;
    gfl_store16(out + 9, GFL_BATCH_MAX);
    gfl_store16(out + 11, GFL_ENTRIES_MAX);
    gfl_store16(out + 13, GFL_MESSAGE_MAX);
    gfl_store16(out + 15, samples->inputs);
    gfl_store16(out + 17, samples->classes);
    gfl_store32(out + 19, samples->count);
    out[23] = battery;
    gfl_store32(out + 24, sequence);
    gfl_copy(out + 28, digest, GFL_DIGEST_BYTES);
    return 28 + GFL_DIGEST_BYTES;
}

size_t gfl_write_half(uint8_t *out, enum gfl_message type, const struct gfl_half *half)
{
    out[0] = (uint8_t)type;
    gfl_store32(out + 1, half->sequence);
    gfl_copy(out + 5, half->digest, GFL_SHORT_DIGEST_BYTES);
    out[7] = half->battery;
    gfl_store32(out + 8, half->samples);
    gfl_copy(out + GFL_HALF_BYTES, half->payload, half->length);
    return GFL_HALF_BYTES + half->length;
}

size_t gfl_write_fetch(uint8_t *out, const uint8_t seed[GFL_DIGEST_BYTES], uint32_t offset)
{
    out[0] = GFL_FETCH;
    gfl_copy(out + 1, seed, GFL_DIGEST_BYTES);
    gfl_store32(out + 1 + GFL_DIGEST_BYTES, offset);
    return 5 + GFL_DIGEST_BYTES;
}

size_t gfl_write_sleep(uint8_t *out, uint32_t seconds)
{
    out[0] = GFL_SLEEP;
    gfl_store32(out + 1, seconds);
    return 5;
}

bool gfl_read_half(const uint8_t *message, size_t length, struct gfl_half *out)
{
    if (length <= GFL_HALF_BYTES)
        return false;
    out->sequence = gfl_load32(message + 1);
    gfl_copy(out->digest, message + 5, GFL_SHORT_DIGEST_BYTES);
    out->battery = message[7];
    out->samples = gfl_load32(message + 8);
    out->payload = message + GFL_HALF_BYTES;
    out->length = (uint32_t)(length - GFL_HALF_BYTES);
    return out->sequence > 0 && out->samples > 0 && out->samples <= 0x7FFFFFFFu;
}

/* Layers and widths; false unless they end the message. */
static bool read_model(const uint8_t *message, size_t length, struct gfl_model *out)
{
    out->layers = message[0];
    if (out->layers > GFL_LAYERS_MAX || length != 1 + 2 * (out->layers + 1))
        return false;
    for (uint32_t i = 0; i <= out->layers; i++)
        out->widths[i] = gfl_load16(message + 1 + 2 * i);
    return gfl_model_fits(out);
}

static bool within(float number, float low, float high)
{
    return gfl_magnitude(number) < GFL_INFINITE && number >= low && number <= high;
}

static bool orders_make_sense(const struct gfl_orders *orders)
{
    uint32_t whole = 4 * gfl_model_parameters(&orders->model);
    return orders->interval_s <= GFL_INTERVAL_S_MAX && orders->batch >= 1
        && orders->batch <= GFL_BATCH_MAX && orders->steps >= 1
        && within(orders->learning_rate, 0x1p-30f, 10.0f)
        && within(orders->momentum, 0.0f, 1.0f - 0x1p-10f)
        && (GFL_MOMENTUM || orders->momentum == 0) && orders->keep >= 1
        && orders->keep <= GFL_ENTRIES_MAX && orders->mark_bits >= 1 && orders->mark_bits <= 2
        && (orders->seed_bytes == 0 || orders->seed_bytes == whole);
}

bool gfl_read_orders(const uint8_t *message, size_t length, struct gfl_orders *out)
{
    if (length < 38 || message[1] > 1)
        return false;
    out->rotate = message[1];
    out->batch = gfl_load16(message + 2);
    out->steps = gfl_load16(message + 4);
    out->interval_s = gfl_load32(message + 6);
    out->learning_rate = gfl_load_float(message + 10);
    out->momentum = gfl_load_float(message + 14);
    out->keep = gfl_load16(message + 18);
    out->mark_bits = message[20];
    gfl_copy(out->seed, message + 21, GFL_DIGEST_BYTES);
    out->seed_bytes = gfl_load32(message + 29);
    return read_model(message + 33, length - 33, &out->model) && orders_make_sense(out);
}

bool gfl_same_model(const struct gfl_model *first, const struct gfl_model *second)
{
    if (first->layers != second->layers)
        return false;
    for (uint32_t i = 0; i <= first->layers; i++)
        if (first->widths[i] != second->widths[i])
            return false;
    return true;
}
