/* What device and gateway say to each other; docs/device-protocol.md lists every byte. */
#ifndef GFL_MESSAGES_H
#define GFL_MESSAGES_H

#include "config.h"
#include "keys.h"
#include "model.h"

#define GFL_DIGEST_BYTES 8
#define GFL_SHORT_DIGEST_BYTES 2
#define GFL_BATTERY_UNKNOWN 255
#define GFL_INTERVAL_S_MAX 604800u

enum gfl_message {
    GFL_KEY = 0x01,
    GFL_HELLO = 0x02,
    GFL_OFFER = 0x03,
    GFL_FETCH = 0x04,
    GFL_SLEEP = 0x05,
    GFL_SAMPLES = 0x06,
    GFL_GRANT = 0x81,
    GFL_ORDERS = 0x82,
    GFL_REPLY = 0x83,
    GFL_CHUNK = 0x84,
    GFL_GOOD_NIGHT = 0x85,
    GFL_REFUSAL = 0x86,
    GFL_TAKEN = 0x87,
};

/* Reasons of a GFL_REFUSAL; the last one is never sent: the device found it so itself. */
enum gfl_reason {
    GFL_MODEL_TOO_LARGE = 1,
    GFL_OTHER_INPUTS = 2,
    GFL_OTHER_CLASSES = 3,
    GFL_NOT_NOW = 4,
    GFL_GREET_ME = 5, /* the gateway knows no more what this device has room for */
    GFL_NO_UPLOADS = 6, /* the operator has not allowed that this device sends samples */
    GFL_CANNOT_OBEY = 255,
};

/* What the gateway asks of the device.  seed: the anchor that it must fetch first; none if it has no
 * bytes. */
struct gfl_orders {
    bool rotate;
    struct gfl_model model;
    uint16_t batch;
    uint16_t steps;
    uint32_t interval_s;
    float learning_rate;
    float momentum;
    uint16_t keep;
    uint8_t mark_bits;
    uint8_t seed[GFL_DIGEST_BYTES];
    uint32_t seed_bytes;
};

/* One end's half of an exchange; the payload lies in the message. */
struct gfl_half {
    uint32_t sequence;
    uint8_t digest[GFL_SHORT_DIGEST_BYTES];
    uint8_t battery;
    uint32_t samples;
    const uint8_t *payload;
    uint32_t length;
};

#define GFL_HALF_BYTES 12
#define GFL_CHUNK_HEAD_BYTES 5
#define GFL_PAYLOAD_MAX (GFL_MESSAGE_MAX - GFL_HALF_BYTES)
#define GFL_ORDERS_BYTES_MAX (36 + 2 * GFL_LAYERS_MAX)

/* Each writes one message and returns its bytes. */
size_t gfl_write_key(uint8_t *out, const uint8_t chance[GFL_CHANCE_BYTES]);
size_t gfl_write_hello(uint8_t *out, const struct gfl_samples *samples, uint8_t battery,
                       uint32_t sequence, const uint8_t digest[GFL_DIGEST_BYTES]);
size_t gfl_write_half(uint8_t *out, enum gfl_message type, const struct gfl_half *half);
size_t gfl_write_fetch(uint8_t *out, const uint8_t seed[GFL_DIGEST_BYTES], uint32_t offset);
size_t gfl_write_sleep(uint8_t *out, uint32_t seconds);

/* Each is false for bytes that are no such message, or that this firmware cannot obey. */
bool gfl_read_orders(const uint8_t *message, size_t length, struct gfl_orders *out);
bool gfl_read_half(const uint8_t *message, size_t length, struct gfl_half *out);

/* Whether two models have the same shape. */
bool gfl_same_model(const struct gfl_model *first, const struct gfl_model *second);

#endif
