#include "answers.h"

#include "bytes.h"
#include "phases.h"
#include "rounds.h"
#include "uploads.h"

static void on_grant(struct gfl_agent *agent, const uint8_t *message, size_t length)
{
    struct gfl_identity identity = agent->state.identity;
    if (agent->phase != GFL_KEYING || length != 1 + GFL_CHANCE_BYTES)
        return;
    gfl_next_key(&identity, agent->chance, message + 1);
    if (gfl_adopt(agent, &identity))
        gfl_enter(agent, GFL_GREETING);
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
        gfl_refuse(agent, GFL_CANNOT_OBEY);
        return;
    }
    bool news = length != state->orders_length || !gfl_equal(message, state->orders_bytes, length);
    /* A seed asked for again, after all of it came, is to be fetched again. */
    if ((news || (orders.seed_bytes && state->link.seeded))
        && !gfl_change(agent, GFL_RECORD_ORDERS, message, length))
        return;
    agent->statistics.refusal = 0;
    if (orders.rotate && state->identity.epoch < GFL_EPOCH_MAX)
        gfl_enter(agent, GFL_KEYING);
    else
        gfl_go_on(agent);
}

static void on_chunk(struct gfl_agent *agent, const uint8_t *message, size_t length)
{
    if (agent->phase == GFL_FETCHING && gfl_change(agent, GFL_RECORD_CHUNK, message, length))
        gfl_go_on(agent);
}

static void on_reply(struct gfl_agent *agent, const uint8_t *message, size_t length)
{
    struct gfl_state *state = &agent->state;
    struct gfl_half half;
    if (agent->phase != GFL_EXCHANGING)
        return;
    if (!gfl_read_half(message, length, &half)
        || !gfl_link_suits(&state->link, &state->orders.model, &half, &state->entries))
        gfl_enter(agent, GFL_GREETING);
    else if (gfl_change(agent, GFL_RECORD_APPLIED, message, length))
        gfl_end_round(agent);
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
    case GFL_TAKEN:
        gfl_on_taken(agent, message, length);
        break;
    case GFL_GOOD_NIGHT:
        if (agent->phase == GFL_FALLING_ASLEEP)
            gfl_enter(agent, GFL_ASLEEP);
        break;
    case GFL_REFUSAL:
        gfl_refuse(agent, length > 1 && message[1] ? message[1] : GFL_CANNOT_OBEY);
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

void gfl_hear(struct gfl_agent *agent)
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
