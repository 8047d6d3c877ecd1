/* What an agent is about, and how it passes from one phase to the next. */
#ifndef GFL_PHASES_H
#define GFL_PHASES_H

#include "gossipfl.h"

uint32_t gfl_now(const struct gfl_agent *agent);

/* Bytes that nobody can guess. */
void gfl_draw(const struct gfl_agent *agent, void *out, size_t count);

void gfl_enter(struct gfl_agent *agent, enum gfl_phase phase);

void gfl_rest(struct gfl_agent *agent, uint32_t wait_ms);

/* Milliseconds of `wait_ms` that are left. */
uint32_t gfl_left(const struct gfl_agent *agent);

/* Greet again, at once or, where one of the two ends cannot do what the other wants, later. */
void gfl_refuse(struct gfl_agent *agent, uint8_t reason);

/* Where a device goes on that knows its orders. */
void gfl_go_on(struct gfl_agent *agent);

/* As gfl_state_change; a flash that fails ends everything. */
bool gfl_change(struct gfl_agent *agent, enum gfl_record type, const uint8_t *bytes, size_t length);

/* Store another key, or another device's place. */
bool gfl_adopt(struct gfl_agent *agent, const struct gfl_identity *identity);

#endif
