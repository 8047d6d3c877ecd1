#include "answers.h"
#include "arithmetic.h"
#include "bytes.h"
#include "phases.h"
#include "questions.h"
#include "rounds.h"
#include "uploads.h"

static bool may_sleep(const struct gfl_agent *agent)
{
    return agent->sleep_s && agent->phase != GFL_FALLING_ASLEEP && agent->phase != GFL_KEYING;
}

static void act(struct gfl_agent *agent)
{
    if (may_sleep(agent)) {
        bool stored = gfl_state_checkpoint(&agent->state);
        gfl_enter(agent, stored ? GFL_FALLING_ASLEEP : GFL_FAILED);
    } else if (agent->phase == GFL_TRAINING) {
        gfl_train(agent);
    } else if (agent->phase == GFL_RESTING) {
        if (!gfl_left(agent))
            gfl_enter(agent, GFL_UPLOAD || agent->statistics.refusal ? GFL_GREETING : GFL_TRAINING);
    } else {
        gfl_ask(agent);
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
    gfl_hear(agent);
    if (agent->awaiting && gfl_left(agent))
        return gfl_left(agent);
    if (agent->awaiting)
        gfl_retry(agent);
    if (!is_idle(agent))
        act(agent);
    if (is_idle(agent))
        return GFL_NEVER;
    return agent->awaiting || agent->phase == GFL_RESTING ? gfl_left(agent) : 0;
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
    gfl_draw(agent, &seed, sizeof seed);
    if (!gfl_arithmetic_is_exact() || !samples->count || samples->inputs > GFL_INPUTS_MAX
        || (GFL_UPLOAD && !gfl_may_upload(samples))) {
        gfl_enter(agent, GFL_FAILED);
        return;
    }
    gfl_sampling_start(&agent->sampling, samples->count, seed);
    if (!agent->state.enrolled)
        gfl_enter(agent, GFL_UNENROLLED);
    else
        gfl_enter(agent, agent->state.identity.epoch ? GFL_GREETING : GFL_KEYING);
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
    if (gfl_adopt(agent, &identity))
        gfl_enter(agent, GFL_KEYING);
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
        gfl_enter(agent, GFL_GREETING);
}

int gfl_classify(struct gfl_agent *agent, const float *features, float *logits)
{
    const struct gfl_state *state = &agent->state;
    const struct gfl_model *model = &state->orders.model;
    if (!state->learning)
        return -1;
    gfl_copy(agent->workspace.features, features, 4u * model->widths[0]);
    const float *found = gfl_model_outputs(model, state->link.anchor, &agent->workspace);
    uint32_t best = 0, classes = model->widths[model->layers];
    for (uint32_t i = 1; i < classes; i++)
        best = found[i] > found[best] ? i : best;
    if (logits)
        gfl_copy(logits, found, 4 * classes);
    return (int)best;
}
