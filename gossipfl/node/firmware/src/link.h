/* The link with the gateway: the anchor that both ends hold, and the count and running digest of all
 * that moved it.  As gossipfl/gossip/link.py and devices/relay.py, where the gateway's end comes
 * first. */
#ifndef GFL_LINK_H
#define GFL_LINK_H

#include "messages.h"

/* One end's half of the open exchange, kept until it is answered. */
struct gfl_pending {
    uint32_t samples;
    uint32_t length;
    uint8_t payload[GFL_PAYLOAD_MAX];
};

/* x is the device's model, control its control variate.  seeded: anchor and digest mean something. */
struct gfl_link {
    bool seeded;
    bool open;
    uint32_t sequence;
    uint8_t digest[GFL_DIGEST_BYTES];
    struct gfl_pending pending;
    float anchor[GFL_PARAMETERS_MAX];
    float x[GFL_PARAMETERS_MAX];
    float control[GFL_PARAMETERS_MAX];
};

/* Open the next exchange: what x has moved away from the anchor becomes `pending`.  False if x is not
 * finite, or if the message has no room for the payload. */
bool gfl_link_offer(struct gfl_link *link, const struct gfl_orders *orders, uint32_t samples,
                    struct gfl_entries *room);

/* The pending half, as a message says it. */
void gfl_link_half(const struct gfl_link *link, struct gfl_half *out);

/* Whether a half answers the pending one, with a payload that can be applied. */
bool gfl_link_suits(const struct gfl_link *link, const struct gfl_model *model,
                    const struct gfl_half *theirs, struct gfl_entries *room);

/* Apply both halves; only of a half that suits. */
void gfl_link_apply(struct gfl_link *link, const struct gfl_model *model,
                    const struct gfl_half *theirs, struct gfl_entries *room);

/* The digest of an anchor, which a seed is named by. */
void gfl_link_seed_digest(const float *anchor, uint32_t size, uint8_t digest[GFL_DIGEST_BYTES]);

/* The anchor is a new seed: start counting. */
void gfl_link_plant(struct gfl_link *link, const uint8_t digest[GFL_DIGEST_BYTES]);

#endif
