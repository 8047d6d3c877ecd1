#include "phases.h"

#include "bytes.h"

#define REFUSED_MS 60000u

uint32_t gfl_now(const struct gfl_agent *agent)
{
    return agent->port->clock(agent->port->context);
}

void gfl_draw(const struct gfl_agent *agent, void *out, size_t count)
{
    agent->port->random(agent->port->context, out, count);
}

void gfl_enter(struct gfl_agent *agent, enum gfl_phase phase)
{
    agent->phase = phase;
    agent->awaiting = false;
    agent->tries = 0;
}

void gfl_rest(struct gfl_agent *agent, uint32_t wait_ms)
{
    gfl_enter(agent, GFL_RESTING);
    agent->since_ms = gfl_now(agent);
    agent->wait_ms = wait_ms;
}

uint32_t gfl_left(const struct gfl_agent *agent)
{
    uint32_t gone = gfl_now(agent) - agent->since_ms;
    return gone < agent->wait_ms ? agent->wait_ms - gone : 0;
}

void gfl_refuse(struct gfl_agent *agent, uint8_t reason)
{
    if (reason == GFL_GREET_ME) {
        gfl_enter(agent, GFL_GREETING);
        return;
    }
    agent->statistics.refusal = reason;
    gfl_rest(agent, REFUSED_MS);
}

void gfl_go_on(struct gfl_agent *agent)
{
    const struct gfl_state *state = &agent->state;
    agent->steps_done = 0;
    if (gfl_state_lacks_seed(state))
        gfl_enter(agent, GFL_FETCHING);
    else if (!state->link.seeded)
        gfl_refuse(agent, GFL_CANNOT_OBEY);
    else
        gfl_enter(agent, state->link.open ? GFL_EXCHANGING : GFL_TRAINING);
}

bool gfl_change(struct gfl_agent *agent, enum gfl_record type, const uint8_t *bytes,
                   size_t length)
{
    bool made = gfl_state_change(&agent->state, type, bytes, (uint32_t)length);
    if (agent->state.store.failed)
        gfl_enter(agent, GFL_FAILED);
    return made;
}

bool gfl_adopt(struct gfl_agent *agent, const struct gfl_identity *identity)
{
    uint8_t bytes[GFL_IDENTITY_BYTES];
    gfl_write_identity(bytes, identity);
    bool made = gfl_change(agent, GFL_RECORD_IDENTITY, bytes, sizeof bytes);
    gfl_wipe(bytes, sizeof bytes);
    return made;
}
