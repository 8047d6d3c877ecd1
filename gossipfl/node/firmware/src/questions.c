#include "questions.h"

#include "bytes.h"
#include "phases.h"
#include "uploads.h"

#define PATIENCE_MS 2000u
#define PATIENCE_MS_MAX 60000u
#define TRIES_MAX 6

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
    gfl_draw(agent, agent->chance, sizeof agent->chance);
    return gfl_write_key(out, agent->chance);
}

size_t gfl_write_offer(struct gfl_agent *agent, uint8_t *out)
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
        return gfl_write_offer(agent, out);
    case GFL_UPLOADING:
        return gfl_write_samples(agent, out);
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
    gfl_draw(agent, &chance, 1);
    if (wait > PATIENCE_MS_MAX)
        wait = PATIENCE_MS_MAX;
    return wait + wait / 4 * chance / 256;
}

void gfl_ask(struct gfl_agent *agent)
{
    uint8_t *frame = agent->wire + GFL_HEADROOM;
    if (!gfl_state_take_counter(&agent->state, &agent->asked_counter)) {
        gfl_enter(agent, GFL_FAILED);
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
    agent->since_ms = gfl_now(agent);
    agent->wait_ms = patience(agent);
}

void gfl_retry(struct gfl_agent *agent)
{
    agent->awaiting = false;
    if (agent->tries < TRIES_MAX)
        agent->tries++;
    else if (agent->phase == GFL_FALLING_ASLEEP)
        gfl_enter(agent, GFL_ASLEEP);
    else if (agent->phase != GFL_GREETING && agent->phase != GFL_KEYING)
        gfl_enter(agent, GFL_GREETING);
}
