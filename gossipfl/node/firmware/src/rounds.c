#include "rounds.h"

#include "bytes.h"
#include "phases.h"
#include "questions.h"

static uint32_t model_bytes(const struct gfl_agent *agent)
{
    return 4 * gfl_model_parameters(&agent->state.orders.model);
}

/* What does not help is forgotten; the next round begins at the anchor anyway. */
static void recover(struct gfl_agent *agent)
{
    agent->statistics.divergences++;
    gfl_fill(agent->state.link.residual, 0, model_bytes(agent));
}

static void begin(struct gfl_agent *agent)
{
    struct gfl_link *link = &agent->state.link;
    gfl_copy(link->x, link->anchor, model_bytes(agent));
    agent->round_ms = gfl_now(agent);
}

static void offer(struct gfl_agent *agent)
{
    struct gfl_state *state = &agent->state;
    agent->steps_done = 0;
    if (!gfl_link_offer(&state->link, &state->orders, agent->samples->count, &state->entries)) {
        recover(agent);
        return;
    }
    size_t length = gfl_write_offer(agent, state->record);
    if (gfl_change(agent, GFL_RECORD_OFFERED, state->record, length))
        gfl_enter(agent, GFL_EXCHANGING);
}

void gfl_train(struct gfl_agent *agent)
{
    const struct gfl_orders *orders = &agent->state.orders;
    uint32_t places[GFL_BATCH_MAX], batch = orders->batch;
    struct gfl_step step = { orders->learning_rate, orders->momentum };
    if (agent->steps_done == 0)
        begin(agent);
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

void gfl_end_round(struct gfl_agent *agent)
{
    const struct gfl_state *state = &agent->state;
    if (state->exchanges % GFL_EXCHANGES_PER_CHECKPOINT == 0
        && !gfl_state_checkpoint(&agent->state)) {
        gfl_enter(agent, GFL_FAILED);
        return;
    }
    uint32_t interval = 1000 * state->orders.interval_s, gone = gfl_now(agent) - agent->round_ms;
    gfl_rest(agent, gone < interval ? interval - gone : 0);
}
