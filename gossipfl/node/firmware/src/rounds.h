/* One round: local steps, then a half of an exchange, then rest. */
#ifndef GFL_ROUNDS_H
#define GFL_ROUNDS_H

#include "gossipfl.h"

/* Make one training step; the last one of a round opens the exchange. */
void gfl_train(struct gfl_agent *agent);

/* The exchange was made. */
void gfl_end_round(struct gfl_agent *agent);

#endif
