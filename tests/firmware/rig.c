/* A device whose wire, clock, chance and flash are in the hands of a test.
 *
 * The flash loses power when its budget of bytes is used up: then nothing more reaches flash or wire
 * until rig_reset. */
#include <stdlib.h>
#include <string.h>

#include "gossipfl.h"

#define PAGE 128u

struct rig {
    struct gfl_agent agent;
    struct gfl_port port;
    struct gfl_samples samples;
    const float *features;
    const uint16_t *classes;
    uint8_t flash[2 * GFL_SLOT_BYTES];
    long budget; /* bytes and pages that the flash still takes; below 0: any number */
    bool dead;
    bool misused; /* a word was programmed twice, or not as a whole */
    uint32_t clock_ms;
    uint32_t chance;
    uint8_t sent[4 * GFL_WIRE_MAX];
    size_t sent_bytes;
    const uint8_t *coming;
    size_t coming_bytes;
};

static uint16_t read_sample(void *context, uint32_t place, float *features)
{
    struct rig *rig = context;
    memcpy(features, rig->features + (size_t)place * rig->samples.inputs,
           4u * rig->samples.inputs);
    return rig->classes[place];
}

static void send_bytes(void *context, const uint8_t *bytes, size_t count)
{
    struct rig *rig = context;
    if (rig->dead || rig->sent_bytes + count > sizeof rig->sent)
        return;
    memcpy(rig->sent + rig->sent_bytes, bytes, count);
    rig->sent_bytes += count;
}

static size_t receive_bytes(void *context, uint8_t *bytes, size_t room)
{
    struct rig *rig = context;
    size_t count = rig->coming_bytes < room ? rig->coming_bytes : room;
    if (!count)
        return 0;
    memcpy(bytes, rig->coming, count);
    rig->coming += count;
    rig->coming_bytes -= count;
    return count;
}

static uint32_t clock_ms(void *context)
{
    return ((struct rig *)context)->clock_ms;
}

static uint8_t draw(struct rig *rig)
{
    rig->chance = rig->chance * 1664525u + 1013904223u;
    return (uint8_t)(rig->chance >> 24);
}

static void random_bytes(void *context, uint8_t *bytes, size_t count)
{
    struct rig *rig = context;
    while (count--)
        *bytes++ = draw(rig);
}

static bool has_power(struct rig *rig)
{
    if (rig->budget > 0)
        rig->budget--;
    else if (rig->budget == 0)
        rig->dead = true;
    return !rig->dead;
}

/* A byte that loses power halfway keeps some of its bits. */
static void program(struct rig *rig, uint8_t *cell, uint8_t byte)
{
    if (rig->dead)
        return;
    if (*cell != 0xFF)
        rig->misused = true;
    *cell = has_power(rig) ? byte : byte | draw(rig);
}

/* A page that loses power halfway holds anything. */
static void erase_page(struct rig *rig, uint8_t *page)
{
    if (rig->dead)
        return;
    bool good = has_power(rig);
    for (uint32_t i = 0; i < PAGE; i++)
        page[i] = good ? 0xFF : draw(rig);
}

static bool use_flash(void *context, enum gfl_flash what, uint32_t offset, uint8_t *bytes,
                      uint32_t count)
{
    struct rig *rig = context;
    if (offset > sizeof rig->flash || count > sizeof rig->flash - offset)
        abort();
    if (what == GFL_FLASH_READ) {
        memcpy(bytes, rig->flash + offset, count);
        return true;
    }
    if (what == GFL_FLASH_ERASE) {
        for (uint32_t i = 0; i < count; i += PAGE)
            erase_page(rig, rig->flash + offset + i);
        return !rig->dead;
    }
    if (offset % GFL_FLASH_WORD || count % GFL_FLASH_WORD)
        rig->misused = true;
    for (uint32_t i = 0; i < count; i++)
        program(rig, rig->flash + offset + i, bytes[i]);
    return !rig->dead;
}

void rig_reset(struct rig *rig)
{
    rig->dead = false;
    rig->budget = -1;
    rig->sent_bytes = rig->coming_bytes = 0;
    gfl_start(&rig->agent, &rig->port, &rig->samples);
}

struct rig *rig_new(const float *features, const uint16_t *classes, uint32_t count,
                    uint16_t inputs, uint16_t outputs, uint32_t chance)
{
    struct rig *rig = calloc(1, sizeof *rig);
    if (!rig)
        abort();
    rig->port = (struct gfl_port){ send_bytes, receive_bytes, clock_ms, random_bytes, use_flash,
                                   rig };
    rig->samples = (struct gfl_samples){ count, inputs, outputs, read_sample, rig };
    rig->features = features;
    rig->classes = classes;
    rig->chance = chance;
    memset(rig->flash, 0xFF, sizeof rig->flash);
    rig_reset(rig);
    return rig;
}

void rig_free(struct rig *rig)
{
    free(rig);
}

struct gfl_agent *rig_agent(struct rig *rig)
{
    return &rig->agent;
}

/* Cut the power when so many more bytes were programmed, and pages erased. */
void rig_cut_after(struct rig *rig, long bytes)
{
    rig->budget = bytes;
}

bool rig_is_dead(const struct rig *rig)
{
    return rig->dead;
}

bool rig_misused(const struct rig *rig)
{
    return rig->misused;
}

uint8_t *rig_flash(struct rig *rig)
{
    return rig->flash;
}

/* Let time pass and bytes come, then poll; what the device sends is in rig_sent. */
uint32_t rig_poll(struct rig *rig, uint32_t gone_ms, const uint8_t *coming, size_t count)
{
    rig->clock_ms += gone_ms;
    rig->coming = coming;
    rig->coming_bytes = count;
    rig->sent_bytes = 0;
    return gfl_poll(&rig->agent);
}

const uint8_t *rig_sent(const struct rig *rig, size_t *count)
{
    *count = rig->sent_bytes;
    return rig->sent;
}

const float *rig_vector(const struct rig *rig, char which)
{
    const struct gfl_link *link = &rig->agent.state.link;
    return which == 'x' ? link->x : which == 'R' ? link->anchor : link->residual;
}

/* What tests look at: phase, epoch, sequence, exchanges, fetched, strays, steps, refusal, open. */
void rig_look(const struct rig *rig, uint32_t found[9], uint8_t digest[GFL_DIGEST_BYTES])
{
    const struct gfl_agent *agent = &rig->agent;
    const uint32_t values[9] = {
        (uint32_t)agent->phase,      agent->state.identity.epoch, agent->state.link.sequence,
        agent->state.exchanges,      agent->state.fetched,        agent->statistics.strays,
        agent->statistics.steps,     agent->statistics.refusal,   agent->state.link.open,
    };
    memcpy(found, values, sizeof values);
    memcpy(digest, agent->state.link.digest, GFL_DIGEST_BYTES);
}
