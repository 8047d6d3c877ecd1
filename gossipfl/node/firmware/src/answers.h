/* What the gateway says, and what follows from it. */
#ifndef GFL_ANSWERS_H
#define GFL_ANSWERS_H

#include "gossipfl.h"

/* Take in all bytes that have come. */
void gfl_hear(struct gfl_agent *agent);

#endif
