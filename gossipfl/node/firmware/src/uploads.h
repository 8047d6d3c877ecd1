/* What a part does that cannot train: it sends its samples, where the gateway's operator allows that.
 * Other firmware (GFL_UPLOAD 0) never does, whatever a gateway says. */
#ifndef GFL_UPLOADS_H
#define GFL_UPLOADS_H

#include "gossipfl.h"

/* As many samples as a message holds, from the one that the gateway wants; returns the bytes. */
size_t gfl_write_samples(struct gfl_agent *agent, uint8_t *out);

/* Whether one sample fits into a message. */
bool gfl_may_upload(const struct gfl_samples *samples);

/* The gateway says which sample it wants next. */
void gfl_on_taken(struct gfl_agent *agent, const uint8_t *message, size_t length);

#endif
