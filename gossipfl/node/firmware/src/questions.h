/* What the device says, and how long it waits for an answer. */
#ifndef GFL_QUESTIONS_H
#define GFL_QUESTIONS_H

#include "gossipfl.h"

/* Send what this phase has to say. */
void gfl_ask(struct gfl_agent *agent);

/* Nobody answered in time: ask again, and in the end start from the beginning. */
void gfl_retry(struct gfl_agent *agent);

/* Our half of the open exchange as a message; returns its bytes. */
size_t gfl_write_offer(struct gfl_agent *agent, uint8_t *out);

#endif
