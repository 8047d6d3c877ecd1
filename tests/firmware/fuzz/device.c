/* A device's whole life: an input is a program for what happens to it, from noise on the wire to
 * messages of a gateway that has the right key, resets, damage and power cuts. */
#include <stdio.h>

#include "bytes.h"
#include "codec.h"

#include "../rig.c"

enum happening { POLL, WAIT, RESET, NOISE, GRANTED, ORDERED, ORDERED_WRONG, CHUNK, REPLIED, SAID,
                 DECODED, DAMAGED, CUT, HAPPENINGS };

/* How far inputs got, so that nobody fuzzes a device that never leaves its bed. */
static unsigned long exchanges, transfers;

struct input {
    const uint8_t *bytes;
    size_t left;
};

/* Enrolment, a transfer and an exchange: most inputs should begin behind them. */
static const uint8_t first_days[] = {
    POLL, GRANTED, 7, POLL, ORDERED, POLL, CHUNK, 1, POLL, CHUNK, 1, POLL, POLL, REPLIED, 1, 0, 1, 9,
    WAIT, 1, POLL, POLL,
};

static const float features[4 * 5] = { 1, 2, 3, 4, 5, -1, 0, 1 };
static const uint16_t classes[4] = { 0, 1, 2, 0 };

static uint8_t take(struct input *input)
{
    return input->left ? (input->left--, *input->bytes++) : 0;
}

static size_t take_many(struct input *input, uint8_t *out, size_t most)
{
    size_t count = take(input) % (most + 1);
    for (size_t i = 0; i < count; i++)
        out[i] = take(input);
    return count;
}

/* What the gateway would say, sealed as it would. */
static void answer(struct rig *rig, const uint8_t *message, size_t length)
{
    uint8_t wire[GFL_WIRE_MAX], *frame = wire + GFL_HEADROOM;
    if (!length)
        return;
    memcpy(frame + GFL_HEAD_BYTES, message, length);
    length = gfl_seal_frame(&rig->agent.state.identity, GFL_TO_DEVICE, rig->agent.asked_counter,
                            frame, length);
    rig_poll(rig, 0, wire, gfl_enframe(wire, length));
}

static size_t write_orders(uint8_t *out, uint8_t seed)
{
    static const uint8_t whole[] = { GFL_ORDERS, 0, 4, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0x3F, 0, 0, 0, 0,
                                     6, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 156, 0, 0, 0, 2, 5, 0, 4, 0,
                                     3, 0 };
    memcpy(out, whole, sizeof whole);
    /* The digest of 39 zeros, or of something else. */
    float zeros[39] = { 0 };
    gfl_link_seed_digest(zeros, 39, out + 21);
    out[21] ^= seed & 1;
    return sizeof whole;
}

static size_t write_chunk(const struct rig *rig, struct input *input, uint8_t *out)
{
    uint32_t left = 156 - rig->agent.state.fetched % 156;
    size_t count = left < 120 ? left : 120;
    memset(out, 0, GFL_MESSAGE_MAX);
    out[0] = GFL_CHUNK;
    gfl_store32(out + 1, rig->agent.state.fetched);
    if (take(input) % 8 == 0)
        out[GFL_CHUNK_HEAD_BYTES + take(input) % count] = take(input);
    return GFL_CHUNK_HEAD_BYTES + count;
}

static size_t write_reply(const struct rig *rig, struct input *input, uint8_t *out)
{
    uint8_t payload[GFL_PAYLOAD_MAX];
    struct gfl_half half = { .payload = payload };
    gfl_link_half(&rig->agent.state.link, &half);
    if (half.length && take(input) % 2) {
        /* The device's own delta, perhaps with a flaw. */
        memcpy(payload, half.payload, half.length);
        uint32_t place = take(input) % half.length;
        if (take(input) % 4 == 0)
            payload[place] ^= take(input);
    } else {
        half.length = (uint32_t)take_many(input, payload, 40) + 1;
        payload[half.length - 1] = take(input);
    }
    half.payload = payload;
    half.samples = take(input) + 1u;
    return gfl_write_half(out, GFL_REPLY, &half);
}

static void decode(struct input *input)
{
    const struct gfl_tensors tensors = { 4, { 20, 24, 36, 39 } };
    uint8_t payload[64];
    struct gfl_entries found;
    size_t length = take_many(input, payload, sizeof payload);
    if (!gfl_decode(&tensors, payload, length, &found))
        return;
    for (uint32_t i = 0; i < found.count; i++)
        if (found.indices[i] >= 39 || (i && found.indices[i] <= found.indices[i - 1]))
            abort();
}

static void happen(struct rig *rig, enum happening what, struct input *input)
{
    uint8_t bytes[GFL_MESSAGE_MAX];
    size_t count;
    switch (what) {
    case WAIT:
        rig_poll(rig, 1000u * take(input), NULL, 0);
        break;
    case RESET:
        rig_reset(rig);
        break;
    case NOISE:
        count = take_many(input, bytes, sizeof bytes);
        rig_poll(rig, 0, bytes, count);
        break;
    case GRANTED:
        bytes[0] = GFL_GRANT;
        memset(bytes + 1, take(input), GFL_CHANCE_BYTES);
        answer(rig, bytes, 1 + GFL_CHANCE_BYTES);
        break;
    case ORDERED:
        answer(rig, bytes, write_orders(bytes, 0));
        break;
    case ORDERED_WRONG:
        count = write_orders(bytes, take(input));
        bytes[take(input) % count] = take(input);
        answer(rig, bytes, count - take(input) % 4 / 3);
        break;
    case CHUNK:
        answer(rig, bytes, write_chunk(rig, input, bytes));
        break;
    case REPLIED:
        answer(rig, bytes, write_reply(rig, input, bytes));
        break;
    case SAID:
        answer(rig, bytes, take_many(input, bytes, sizeof bytes));
        break;
    case DECODED:
        decode(input);
        break;
    case DAMAGED:
        rig->flash[(take(input) << 8 | take(input)) % sizeof rig->flash] = take(input);
        break;
    case CUT:
        rig_cut_after(rig, take(input));
        break;
    default:
        rig_poll(rig, 0, NULL, 0);
    }
}

static void live(struct rig *rig, struct input *input)
{
    while (input->left) {
        uint8_t what = take(input);
        /* Devices should say something now and then. */
        if (what >= 128)
            rig_poll(rig, 0, NULL, 0);
        happen(rig, (enum happening)(what % HAPPENINGS), input);
    }
}

static void tell(void)
{
    printf("%lu transfers, %lu exchanges\n", transfers, exchanges);
}

int LLVMFuzzerInitialize(int *count, char ***arguments)
{
    (void)count;
    (void)arguments;
    return atexit(tell);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct input input = { bytes, length };
    struct rig *rig = rig_new(features, classes, 4, 5, 3, 1);
    gfl_enrol(&rig->agent, "aaaqe-ayeau-daoca-jbifq-ydiob-4");
    if (take(&input) % 8)
        live(rig, &(struct input){ first_days, sizeof first_days });
    live(rig, &input);
    exchanges += rig->agent.state.exchanges;
    transfers += rig->agent.state.link.seeded;
    rig_free(rig);
    return 0;
}
