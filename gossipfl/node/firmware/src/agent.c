#include "arithmetic.h"
#include "bytes.h"
#include "gossipfl.h"

#define PATIENCE_MS 2000u
#define PATIENCE_MS_MAX 60000u
#define TRIES_MAX 6
#define REFUSED_MS 60000u

static uint32_t now(const struct gfl_agent *agent)
{
    return agent->port->clock(agent->port->context);
}

static void random_bytes(const struct gfl_agent *agent, void *out, size_t count)
{
    agent->port->random(agent->port->context, out, count);
}

static void enter(struct gfl_agent *agent, enum gfl_phase phase)
{
    agent->phase = phase;
    agent->awaiting = false;
    agent->tries = 0;
}

static void rest(struct gfl_agent *agent, uint32_t wait_ms)
{
    enter(agent, GFL_RESTING);
    agent->since_ms = now(agent);
    agent->wait_ms = wait_ms;
}

/* Greet again, at once or, where one of the two ends cannot do what the other wants, later. */
static void refuse(struct gfl_agent *agent, uint8_t reason)
{
    if (reason == GFL_GREET_ME) {
        enter(agent, GFL_GREETING);
        return;
    }
    agent->statistics.refusal = reason;
    rest(agent, REFUSED_MS);
}

/* Where a device goes on that knows its orders. */
static void go_on(struct gfl_agent *agent)
{
    const struct gfl_state *state = &agent->state;
    agent->steps_done = 0;
    if (gfl_state_lacks_seed(state))
        enter(agent, GFL_FETCHING);
    else if (!state->link.seeded)
        refuse(agent, GFL_CANNOT_OBEY);
    else
        enter(agent, state->link.open ? GFL_EXCHANGING : GFL_TRAINING);
}

static size_t write_hello(struct gfl_agent *agent, uint8_t *out)
{
    const struct gfl_link *link = &agent->state.link;
    uint8_t none[GFL_DIGEST_BYTES];
    gfl_fill(none, 0xFF, sizeof none);
    return gfl_write_hello(out, agent->samples, agent->battery,
                           link->seeded ? link->sequence : 0, link->seeded ? link->digest : none);
}

static size_t write_key(struct gfl_agent *agent, uint8_t *out)
{
    random_bytes(agent, agent->chance, sizeof agent->chance);
    return gfl_write_key(out, agent->chance);
}

static size_t write_offer(struct gfl_agent *agent, uint8_t *out)
{
    struct gfl_half half = { .battery = agent->battery };
    gfl_link_half(&agent->state.link, &half);
    return gfl_write_half(out, GFL_OFFER, &half);
}

/* What this phase has to say; 0 if nothing. */
static size_t write_message(struct gfl_agent *agent, uint8_t *out)
{
    const struct gfl_state *state = &agent->state;
    switch (agent->phase) {
    case GFL_GREETING:
        return write_hello(agent, out);
    case GFL_KEYING:
        return write_key(agent, out);
    case GFL_FETCHING:
        return gfl_write_fetch(out, state->orders.seed, state->fetched);
    case GFL_EXCHANGING:
        return write_offer(agent, out);
    case GFL_FALLING_ASLEEP:
        return gfl_write_sleep(out, agent->sleep_s);
    default:
        return 0;
    }
}

/* Twice as long after every try, and never in step with other devices. */
static uint32_t patience(struct gfl_agent *agent)
{
    uint32_t wait = PATIENCE_MS << agent->tries;
    uint8_t chance;
    random_bytes(agent, &chance, 1);
    if (wait > PATIENCE_MS_MAX)
        wait = PATIENCE_MS_MAX;
    return wait + wait / 4 * chance / 256;
}

static void send(struct gfl_agent *agent)
{
    uint8_t *frame = agent->wire + GFL_HEADROOM;
    if (!gfl_state_take_counter(&agent->state, &agent->asked_counter)) {
        enter(agent, GFL_FAILED);
        return;
    }
    size_t length = write_message(agent, frame + GFL_HEAD_BYTES);
    length = gfl_seal_frame(&agent->state.identity, GFL_TO_GATEWAY, agent->asked_counter, frame,
                            length);
    length = gfl_enframe(agent->wire, length);
    agent->port->send(agent->port->context, agent->wire, length);
    agent->statistics.messages_sent++;
    agent->statistics.bytes_sent += (uint32_t)length;
    agent->awaiting = true;
    agent->since_ms = now(agent);
    agent->wait_ms = patience(agent);
}

static bool change(struct gfl_agent *agent, enum gfl_record type, const uint8_t *bytes,
                   size_t length)
{
    bool made = gfl_state_change(&agent->state, type, bytes, (uint32_t)length);
    if (agent->state.store.failed)
        enter(agent, GFL_FAILED);
    return made;
}

static bool adopt(struct gfl_agent *agent, const struct gfl_identity *identity)
{
    uint8_t bytes[GFL_IDENTITY_BYTES];
    gfl_write_identity(bytes, identity);
    bool made = change(agent, GFL_RECORD_IDENTITY, bytes, sizeof bytes);
    gfl_wipe(bytes, sizeof bytes);
    return made;
}

static void on_grant(struct gfl_agent *agent, const uint8_t *message, size_t length)
{
    struct gfl_identity identity = agent->state.identity;
    if (agent->phase != GFL_KEYING || length != 1 + GFL_CHANCE_BYTES)
        return;
    gfl_next_key(&identity, agent->chance, message + 1);
    if (adopt(agent, &identity))
        enter(agent, GFL_GREETING);
    gfl_wipe(&identity, sizeof identity);
}

static void on_orders(struct gfl_agent *agent, const uint8_t *message, size_t length)
{
    struct gfl_state *state = &agent->state;
    struct gfl_orders orders;
    if (agent->phase == GFL_KEYING || agent->phase == GFL_FALLING_ASLEEP)
        return;
    if (!gfl_read_orders(message, length, &orders)
        || orders.model.widths[0] != agent->samples->inputs
        || orders.model.widths[orders.model.layers] != agent->samples->classes) {
        refuse(agent, GFL_CANNOT_OBEY);
        return;
    }
    bool news = length != state->orders_length || !gfl_equal(message, state->orders_bytes, length);
    /* A seed asked for again, after all of it came, is to be fetched again. */
    if ((news || (orders.seed_bytes && state->link.seeded))
        && !change(agent, GFL_RECORD_ORDERS, message, length))
        return;
    agent->statistics.refusal = 0;
    if (orders.rotate && state->identity.epoch < GFL_EPOCH_MAX)
        enter(agent, GFL_KEYING);
    else
        go_on(agent);
}

static void on_chunk(struct gfl_agent *agent, const uint8_t *message, size_t length)
{
    if (agent->phase == GFL_FETCHING && change(agent, GFL_RECORD_CHUNK, message, length))
        go_on(agent);
}

static void end_round(struct gfl_agent *agent)
{
    const struct gfl_state *state = &agent->state;
    if (state->exchanges % GFL_EXCHANGES_PER_CHECKPOINT == 0
        && !gfl_state_checkpoint(&agent->state)) {
        enter(agent, GFL_FAILED);
        return;
    }
    uint32_t interval = 1000 * state->orders.interval_s, gone = now(agent) - agent->round_ms;
    rest(agent, gone < interval ? interval - gone : 0);
}

static void on_reply(struct gfl_agent *agent, const uint8_t *message, size_t length)
{
    struct gfl_state *state = &agent->state;
    struct gfl_half half;
    if (agent->phase != GFL_EXCHANGING)
        return;
    if (!gfl_read_half(message, length, &half)
        || !gfl_link_suits(&state->link, &state->orders.model, &half, &state->entries))
        enter(agent, GFL_GREETING);
    else if (change(agent, GFL_RECORD_APPLIED, message, length))
        end_round(agent);
}

static void on_message(struct gfl_agent *agent, const uint8_t *message, size_t length)
{
    switch (message[0]) {
    case GFL_GRANT:
        on_grant(agent, message, length);
        break;
    case GFL_ORDERS:
        on_orders(agent, message, length);
        break;
    case GFL_CHUNK:
        on_chunk(agent, message, length);
        break;
    case GFL_REPLY:
        on_reply(agent, message, length);
        break;
    case GFL_GOOD_NIGHT:
        if (agent->phase == GFL_FALLING_ASLEEP)
            enter(agent, GFL_ASLEEP);
        break;
    case GFL_REFUSAL:
        refuse(agent, length > 1 && message[1] ? message[1] : GFL_CANNOT_OBEY);
        break;
    }
}

static void on_frame(struct gfl_agent *agent, size_t length)
{
    uint8_t *frame = agent->deframer.bytes;
    size_t text = 0;
    if (agent->awaiting)
        text = gfl_open_frame(&agent->state.identity, GFL_TO_DEVICE, agent->asked_counter, frame,
                              length);
    if (!text) {
        agent->statistics.strays++;
        return;
    }
    /* What does not help is passed over: then the device asks again when its patience ends. */
    on_message(agent, frame + GFL_HEAD_BYTES, text);
    gfl_fill(frame, 0, length);
}

static void receive(struct gfl_agent *agent)
{
    uint8_t bytes[32];
    size_t count;
    while ((count = agent->port->receive(agent->port->context, bytes, sizeof bytes)) > 0) {
        agent->statistics.bytes_received += (uint32_t)count;
        for (size_t i = 0; i < count; i++) {
            size_t length = gfl_deframe(&agent->deframer, bytes[i]);
            if (length)
                on_frame(agent, length);
        }
    }
}

/* What does not help is forgotten: the model starts again from what both ends hold. */
static void recover(struct gfl_agent *agent)
{
    struct gfl_link *link = &agent->state.link;
    uint32_t bytes = 4 * gfl_model_parameters(&agent->state.orders.model);
    agent->statistics.divergences++;
    gfl_copy(link->x, link->anchor, bytes);
    gfl_fill(link->control, 0, bytes);
}

static void offer(struct gfl_agent *agent)
{
    struct gfl_state *state = &agent->state;
    float step_size = state->orders.learning_rate * state->orders.steps;
    agent->steps_done = 0;
    if (!gfl_link_offer(&state->link, &state->orders, agent->samples->count, step_size,
                        &state->entries)) {
        recover(agent);
        return;
    }
    size_t length = write_offer(agent, state->record);
    if (change(agent, GFL_RECORD_OFFERED, state->record, length))
        enter(agent, GFL_EXCHANGING);
}

static void train(struct gfl_agent *agent)
{
    const struct gfl_orders *orders = &agent->state.orders;
    uint32_t places[GFL_BATCH_MAX], batch = orders->batch;
    struct gfl_step step = { orders->learning_rate, orders->momentum, agent->state.link.control };
    if (agent->steps_done == 0)
        agent->round_ms = now(agent);
    if (batch > agent->samples->count)
        batch = agent->samples->count;
    for (uint32_t i = 0; i < batch; i++)
        places[i] = gfl_sampling_next(&agent->sampling);
    agent->statistics.loss = gfl_model_step(&orders->model, agent->state.link.x, agent->samples,
                                            places, batch, &step, &agent->workspace);
    agent->statistics.steps++;
    if (++agent->steps_done == orders->steps)
        offer(agent);
}

/* Milliseconds of `wait_ms` that are left. */
static uint32_t left(const struct gfl_agent *agent)
{
    uint32_t gone = now(agent) - agent->since_ms;
    return gone < agent->wait_ms ? agent->wait_ms - gone : 0;
}

/* Nobody answered in time: ask again, and in the end start from the beginning. */
static void retry(struct gfl_agent *agent)
{
    agent->awaiting = false;
    if (agent->tries < TRIES_MAX)
        agent->tries++;
    else if (agent->phase == GFL_FALLING_ASLEEP)
        enter(agent, GFL_ASLEEP);
    else if (agent->phase != GFL_GREETING && agent->phase != GFL_KEYING)
        enter(agent, GFL_GREETING);
}

static bool may_sleep(const struct gfl_agent *agent)
{
    return agent->sleep_s && agent->phase != GFL_FALLING_ASLEEP && agent->phase != GFL_KEYING;
}

static void act(struct gfl_agent *agent)
{
    if (may_sleep(agent)) {
        bool stored = gfl_state_checkpoint(&agent->state);
        enter(agent, stored ? GFL_FALLING_ASLEEP : GFL_FAILED);
    } else if (agent->phase == GFL_TRAINING) {
        train(agent);
    } else if (agent->phase == GFL_RESTING) {
        if (!left(agent))
            enter(agent, agent->statistics.refusal ? GFL_GREETING : GFL_TRAINING);
    } else {
        send(agent);
    }
}

static bool is_idle(const struct gfl_agent *agent)
{
    return agent->phase == GFL_UNENROLLED || agent->phase == GFL_ASLEEP
        || agent->phase == GFL_FAILED;
}

uint32_t gfl_poll(struct gfl_agent *agent)
{
    if (is_idle(agent))
        return GFL_NEVER;
    receive(agent);
    if (agent->awaiting && left(agent))
        return left(agent);
    if (agent->awaiting)
        retry(agent);
    if (!is_idle(agent))
        act(agent);
    if (is_idle(agent))
        return GFL_NEVER;
    return agent->awaiting || agent->phase == GFL_RESTING ? left(agent) : 0;
}

void gfl_start(struct gfl_agent *agent, const struct gfl_port *port,
               const struct gfl_samples *samples)
{
    uint32_t seed;
    gfl_fill(agent, 0, sizeof *agent);
    agent->port = port;
    agent->samples = samples;
    agent->battery = GFL_BATTERY_UNKNOWN;
    gfl_state_open(&agent->state, port);
    random_bytes(agent, &seed, sizeof seed);
    if (!gfl_arithmetic_is_exact() || !samples->count || samples->inputs > GFL_INPUTS_MAX) {
        enter(agent, GFL_FAILED);
        return;
    }
    gfl_sampling_start(&agent->sampling, samples->count, seed);
    if (!agent->state.enrolled)
        enter(agent, GFL_UNENROLLED);
    else
        enter(agent, agent->state.identity.epoch ? GFL_GREETING : GFL_KEYING);
}

bool gfl_enrolled(const struct gfl_agent *agent)
{
    return agent->state.enrolled;
}

bool gfl_enrol(struct gfl_agent *agent, const char *code)
{
    uint8_t bytes[GFL_CODE_BYTES];
    struct gfl_identity identity;
    if (agent->phase == GFL_FAILED || !gfl_read_code(code, bytes))
        return false;
    gfl_first_identity(bytes, &identity);
    gfl_wipe(bytes, sizeof bytes);
    if (adopt(agent, &identity))
        enter(agent, GFL_KEYING);
    gfl_wipe(&identity, sizeof identity);
    return true;
}

void gfl_sleep(struct gfl_agent *agent, uint32_t seconds)
{
    agent->sleep_s = seconds ? seconds : 1;
}

void gfl_wake(struct gfl_agent *agent)
{
    agent->sleep_s = 0;
    if (agent->phase == GFL_ASLEEP || agent->phase == GFL_FALLING_ASLEEP)
        enter(agent, GFL_GREETING);
}

int gfl_classify(struct gfl_agent *agent, const float *features, float *logits)
{
    const struct gfl_state *state = &agent->state;
    const struct gfl_model *model = &state->orders.model;
    if (!state->learning)
        return -1;
    gfl_copy(agent->workspace.features, features, 4u * model->widths[0]);
    const float *found = gfl_model_outputs(model, state->link.x, &agent->workspace);
    uint32_t best = 0, classes = model->widths[model->layers];
    for (uint32_t i = 1; i < classes; i++)
        best = found[i] > found[best] ? i : best;
    if (logits)
        gfl_copy(logits, found, 4 * classes);
    return (int)best;
}
