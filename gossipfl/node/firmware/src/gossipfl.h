/* A microcontroller that takes part in a gossipfl cluster through its gateway.
 *
 *     static struct gfl_agent agent;
 *
 *     gfl_start(&agent, &port, &samples);
 *     if (!gfl_enrolled(&agent))
 *         gfl_enrol(&agent, code_that_the_gateway_printed);
 *     for (;;)
 *         wait_for_bytes_or(gfl_poll(&agent));
 *
 * Nothing here allocates memory, waits, or needs a C library.  One agent is used by one task. */
#ifndef GOSSIPFL_H
#define GOSSIPFL_H

#include "framing.h"
#include "sampling.h"
#include "state.h"

enum gfl_phase {
    GFL_UNENROLLED, /* until gfl_enrol */
    GFL_GREETING,   /* says what it is, waits for orders */
    GFL_KEYING,     /* asks for the next key */
    GFL_FETCHING,   /* gets its anchor, piece by piece */
    GFL_TRAINING,
    GFL_EXCHANGING,
    GFL_UPLOADING, /* sends samples, in place of training: with GFL_UPLOAD only */
    GFL_RESTING, /* until the next round, or until a gateway that refused may have changed its mind */
    GFL_FALLING_ASLEEP,
    GFL_ASLEEP, /* until gfl_wake */
    GFL_FAILED, /* the flash does not keep what it must, or this part rounds other than it should */
};

struct gfl_statistics {
    uint32_t messages_sent;
    uint32_t bytes_sent;
    uint32_t bytes_received;
    uint32_t strays; /* frames that answered nothing, or were not made with our key */
    uint32_t divergences;
    uint32_t steps;
    float loss;
    uint8_t refusal; /* why nothing goes on, see docs/device-protocol.md; 0: all is well */
};

struct gfl_agent {
    enum gfl_phase phase;
    const struct gfl_port *port;
    const struct gfl_samples *samples;
    struct gfl_statistics statistics;
    struct gfl_sampling sampling;
    struct gfl_deframer deframer;
    uint8_t battery; /* percent, for the gateway to show; the application sets it */
    bool awaiting;
    uint8_t tries;
    uint16_t steps_done;
    uint32_t asked_counter;
    uint32_t since_ms;
    uint32_t wait_ms;
    uint32_t round_ms;
    uint32_t wanted; /* the sample that the gateway wants next */
    uint32_t sleep_s;
    uint8_t chance[GFL_CHANCE_BYTES];
    struct gfl_state state;
    struct gfl_workspace workspace;
    uint8_t wire[GFL_WIRE_MAX];
};

#define GFL_NEVER 0xFFFFFFFFu

/* Go on where the flash says the device was.  port and samples stay the caller's. */
void gfl_start(struct gfl_agent *agent, const struct gfl_port *port,
               const struct gfl_samples *samples);

bool gfl_enrolled(const struct gfl_agent *agent);

/* Take the place that a one-time code of the gateway stands for.  False for what is no code. */
bool gfl_enrol(struct gfl_agent *agent, const char *code);

/* Do what is due, at most one training step; returns the milliseconds until something is due again
 * unless bytes come, 0 for at once, or GFL_NEVER. */
uint32_t gfl_poll(struct gfl_agent *agent);

/* Tell the gateway that the device will be out of reach, and store everything.  Power may be cut once
 * the phase is GFL_ASLEEP. */
void gfl_sleep(struct gfl_agent *agent, uint32_t seconds);
void gfl_wake(struct gfl_agent *agent);

/* The class of a sample, whose logits go to `logits` unless it is NULL; -1 while there is no model. */
int gfl_classify(struct gfl_agent *agent, const float *features, float *logits);

#endif
