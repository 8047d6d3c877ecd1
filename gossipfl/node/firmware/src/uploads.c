#include "uploads.h"

#include "bytes.h"
#include "phases.h"

#define HEAD_BYTES 5u
#define TAKEN_BYTES 10u

static uint32_t row_bytes(const struct gfl_samples *samples)
{
    return 2 + 4u * samples->inputs;
}

bool gfl_may_upload(const struct gfl_samples *samples)
{
    return HEAD_BYTES + row_bytes(samples) <= GFL_MESSAGE_MAX;
}

static void write_row(uint8_t *out, const struct gfl_samples *samples, uint32_t place, float *row)
{
    gfl_store16(out, samples->read(samples->context, place, row));
    for (uint32_t i = 0; i < samples->inputs; i++)
        gfl_store_float(out + 2 + 4 * i, row[i]);
}

size_t gfl_write_samples(struct gfl_agent *agent, uint8_t *out)
{
    const struct gfl_samples *samples = agent->samples;
    size_t length = HEAD_BYTES;
    out[0] = GFL_SAMPLES;
    gfl_store32(out + 1, agent->wanted);
    for (uint32_t place = agent->wanted;
         place < samples->count && length + row_bytes(samples) <= GFL_MESSAGE_MAX; place++) {
        write_row(out + length, samples, place, agent->workspace.features);
        length += row_bytes(samples);
    }
    return length;
}

void gfl_on_taken(struct gfl_agent *agent, const uint8_t *message, size_t length)
{
    uint32_t pause_s = length == TAKEN_BYTES ? gfl_load32(message + 6) : 0;
    if (!GFL_UPLOAD || length != TAKEN_BYTES || message[1] > 1 || pause_s > GFL_INTERVAL_S_MAX
        || (agent->phase != GFL_GREETING && agent->phase != GFL_UPLOADING))
        return;
    agent->statistics.refusal = 0;
    agent->wanted = gfl_load32(message + 2);
    if (message[1] && agent->state.identity.epoch < GFL_EPOCH_MAX)
        gfl_enter(agent, GFL_KEYING);
    else if (agent->wanted < agent->samples->count)
        gfl_enter(agent, GFL_UPLOADING);
    else
        gfl_rest(agent, 1000 * pause_s);
}
