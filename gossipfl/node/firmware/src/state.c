#include "state.h"

#include "arithmetic.h"
#include "bytes.h"

#define COUNTERS_AHEAD 64u
#define LINK_BYTES 18u

static uint32_t model_bytes(const struct gfl_state *state)
{
    return 4 * gfl_model_parameters(&state->orders.model);
}

bool gfl_state_lacks_seed(const struct gfl_state *state)
{
    return !state->link.seeded && state->orders.seed_bytes;
}

void gfl_write_identity(uint8_t out[GFL_IDENTITY_BYTES], const struct gfl_identity *identity)
{
    gfl_copy(out, identity->id, GFL_ID_BYTES);
    out[GFL_ID_BYTES] = identity->epoch;
    gfl_copy(out + GFL_ID_BYTES + 1, identity->key, GFL_KEY_BYTES);
}

static bool take_identity(struct gfl_state *state, const uint8_t *bytes, uint32_t length)
{
    if (length != GFL_IDENTITY_BYTES)
        return false;
    gfl_copy(state->identity.id, bytes, GFL_ID_BYTES);
    state->identity.epoch = bytes[GFL_ID_BYTES];
    gfl_copy(state->identity.key, bytes + GFL_ID_BYTES + 1, GFL_KEY_BYTES);
    state->enrolled = true;
    return true;
}

static void forget_seed(struct gfl_state *state)
{
    state->fetched = 0;
    state->link.seeded = state->link.open = false;
}

static bool take_orders(struct gfl_state *state, const uint8_t *bytes, uint32_t length)
{
    struct gfl_orders orders;
    if (length > sizeof state->orders_bytes || !gfl_read_orders(bytes, length, &orders))
        return false;
    bool other_model = !state->ordered || !gfl_same_model(&orders.model, &state->orders.model);
    bool other_seed = orders.seed_bytes
        && (state->link.seeded || !gfl_equal(orders.seed, state->orders.seed, GFL_DIGEST_BYTES));
    if (other_model || other_seed)
        forget_seed(state);
    state->learning = state->learning && !other_model;
    state->ordered = true;
    state->orders = orders;
    gfl_copy(state->orders_bytes, bytes, length);
    state->orders_length = (uint8_t)length;
    return true;
}

/* The whole seed has come: the anchor starts here. */
static bool plant(struct gfl_state *state)
{
    struct gfl_link *link = &state->link;
    uint32_t size = gfl_model_parameters(&state->orders.model);
    uint8_t digest[GFL_DIGEST_BYTES];
    gfl_link_seed_digest(link->x, size, digest);
    if (!gfl_equal(digest, state->orders.seed, GFL_DIGEST_BYTES)) {
        state->fetched = 0;
        return false;
    }
    gfl_copy(link->anchor, link->x, 4 * size);
    gfl_link_plant(link, digest);
    if (!state->learning)
        gfl_fill(link->residual, 0, 4 * size);
    state->learning = true;
    return true;
}

static bool take_chunk(struct gfl_state *state, const uint8_t *bytes, uint32_t length)
{
    uint32_t count = length - GFL_CHUNK_HEAD_BYTES;
    if (length <= GFL_CHUNK_HEAD_BYTES || !gfl_state_lacks_seed(state) || count % 4
        || gfl_load32(bytes + 1) != state->fetched || count > model_bytes(state) - state->fetched)
        return false;
    for (uint32_t i = 0; i < count; i += 4) {
        float number = gfl_load_float(bytes + GFL_CHUNK_HEAD_BYTES + i);
        if (gfl_magnitude(number) >= GFL_INFINITE)
            return false;
        state->link.x[(state->fetched + i) / 4] = number;
    }
    state->fetched += count;
    return state->fetched < model_bytes(state) || plant(state);
}

static bool take_offered(struct gfl_state *state, const uint8_t *bytes, uint32_t length)
{
    struct gfl_pending *pending = &state->link.pending;
    struct gfl_half half;
    if (!state->link.seeded || !gfl_read_half(bytes, length, &half)
        || half.length > sizeof pending->payload)
        return false;
    pending->samples = half.samples;
    pending->length = half.length;
    gfl_copy(pending->payload, half.payload, half.length);
    state->link.open = true;
    return true;
}

static bool take_applied(struct gfl_state *state, const uint8_t *bytes, uint32_t length)
{
    struct gfl_half half;
    if (!gfl_read_half(bytes, length, &half)
        || !gfl_link_suits(&state->link, &state->orders.model, &half, &state->entries))
        return false;
    gfl_link_apply(&state->link, &state->orders.model, &half, &state->entries);
    state->exchanges++;
    return true;
}

static bool take_counter(struct gfl_state *state, const uint8_t *bytes, uint32_t length)
{
    if (length != 4)
        return false;
    state->reserved = gfl_load32(bytes);
    return true;
}

static void write_link(const struct gfl_state *state, uint8_t out[LINK_BYTES])
{
    const struct gfl_link *link = &state->link;
    out[0] = link->seeded;
    out[1] = state->learning;
    gfl_store32(out + 2, link->sequence);
    gfl_copy(out + 6, link->digest, GFL_DIGEST_BYTES);
    gfl_store32(out + 14, state->fetched);
}

static bool take_link(struct gfl_state *state, const uint8_t *bytes, uint32_t length)
{
    struct gfl_link *link = &state->link;
    uint32_t fetched = length == LINK_BYTES ? gfl_load32(bytes + 14) : 0;
    if (length != LINK_BYTES || !state->ordered || bytes[0] > 1 || bytes[1] > 1 || fetched % 4
        || fetched > model_bytes(state))
        return false;
    link->seeded = bytes[0];
    state->learning = bytes[1];
    link->sequence = gfl_load32(bytes + 2);
    gfl_copy(link->digest, bytes + 6, GFL_DIGEST_BYTES);
    state->fetched = fetched;
    return true;
}

static bool make(struct gfl_state *state, uint8_t type, const uint8_t *bytes, uint32_t length)
{
    switch (type) {
    case GFL_RECORD_IDENTITY:
        return take_identity(state, bytes, length);
    case GFL_RECORD_COUNTER:
        return take_counter(state, bytes, length);
    case GFL_RECORD_ORDERS:
        return take_orders(state, bytes, length);
    case GFL_RECORD_LINK:
        return take_link(state, bytes, length);
    case GFL_RECORD_OFFERED:
        return take_offered(state, bytes, length);
    case GFL_RECORD_APPLIED:
        return take_applied(state, bytes, length);
    case GFL_RECORD_CHUNK:
        return take_chunk(state, bytes, length);
    default:
        return type == GFL_RECORD_COMPLETE;
    }
}

static float *vector_of(struct gfl_state *state, uint8_t type)
{
    switch (type) {
    case GFL_RECORD_ANCHOR:
        return state->link.anchor;
    case GFL_RECORD_RESIDUAL:
        return state->link.residual;
    case GFL_RECORD_SEED:
        return state->link.x;
    default:
        return NULL;
    }
}

/* One record of the flash. */
static bool visit(void *context, uint8_t type, uint32_t offset, uint32_t length)
{
    struct gfl_state *state = context;
    float *vector = vector_of(state, type);
    if (vector) {
        /* Of a model that these orders, or this firmware, do not know: nothing to go on with. */
        if (!state->ordered || length != model_bytes(state))
            return false;
        gfl_store_read(&state->store, offset, vector, length);
        return true;
    }
    if (length > sizeof state->record)
        return false;
    gfl_store_read(&state->store, offset, state->record, length);
    /* A change that did not suit the state when it came does not suit it now. */
    make(state, type, state->record, length);
    /* It told of training that a reset has lost; what is left of that no one knows any more. */
    if (type == GFL_RECORD_OFFERED)
        gfl_fill(state->link.residual, 0, sizeof state->link.residual);
    return true;
}

void gfl_state_open(struct gfl_state *state, const struct gfl_port *port)
{
    gfl_fill(state, 0, sizeof *state);
    gfl_store_open(&state->store, port, visit, state);
    state->counter = state->reserved;
}

static void write_record(struct gfl_store *store, uint8_t type, const void *bytes, uint32_t length)
{
    gfl_store_begin(store, type, length);
    gfl_store_put(store, bytes, length);
    gfl_store_end(store);
}

bool gfl_state_change(struct gfl_state *state, enum gfl_record type, const uint8_t *bytes,
                      uint32_t length)
{
    bool room = gfl_store_has_room(&state->store, length);
    if (room)
        write_record(&state->store, (uint8_t)type, bytes, length);
    if (!make(state, (uint8_t)type, bytes, length))
        return false;
    return (room && !state->store.failed) || gfl_state_checkpoint(state);
}

static void write_counter(struct gfl_state *state)
{
    uint8_t bytes[4];
    gfl_store32(bytes, state->reserved);
    write_record(&state->store, GFL_RECORD_COUNTER, bytes, sizeof bytes);
}

static void write_offered(struct gfl_state *state)
{
    struct gfl_half half = { .battery = GFL_BATTERY_UNKNOWN };
    gfl_link_half(&state->link, &half);
    uint32_t length = (uint32_t)gfl_write_half(state->record, GFL_OFFER, &half);
    write_record(&state->store, GFL_RECORD_OFFERED, state->record, length);
}

bool gfl_state_checkpoint(struct gfl_state *state)
{
    uint8_t identity[GFL_IDENTITY_BYTES], link[LINK_BYTES];
    struct gfl_store *store = &state->store;
    gfl_store_begin_checkpoint(store);
    gfl_write_identity(identity, &state->identity);
    write_record(store, GFL_RECORD_IDENTITY, identity, sizeof identity);
    gfl_wipe(identity, sizeof identity);
    write_counter(state);
    if (state->ordered) {
        write_record(store, GFL_RECORD_ORDERS, state->orders_bytes, state->orders_length);
        write_link(state, link);
        write_record(store, GFL_RECORD_LINK, link, sizeof link);
    }
    if (state->link.open)
        write_offered(state);
    if (state->learning) {
        write_record(store, GFL_RECORD_ANCHOR, state->link.anchor, model_bytes(state));
        write_record(store, GFL_RECORD_RESIDUAL, state->link.residual, model_bytes(state));
    }
    if (gfl_state_lacks_seed(state))
        write_record(store, GFL_RECORD_SEED, state->link.x, model_bytes(state));
    return gfl_store_end_checkpoint(store);
}

bool gfl_state_take_counter(struct gfl_state *state, uint32_t *counter)
{
    if (state->counter == 0xFFFFFFFFu)
        return false;
    if (state->counter >= state->reserved) {
        uint32_t left = 0xFFFFFFFFu - state->counter;
        uint8_t bytes[4];
        gfl_store32(bytes, state->counter + (left < COUNTERS_AHEAD ? left : COUNTERS_AHEAD));
        if (!gfl_state_change(state, GFL_RECORD_COUNTER, bytes, sizeof bytes))
            return false;
    }
    *counter = state->counter++;
    return true;
}
