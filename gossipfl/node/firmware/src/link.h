/* The link with the gateway: the anchor that both ends hold, and the count and running digest of all
 * that was exchanged.  As gossipfl/gossip/link.py and devices/relay.py, where the gateway's end comes
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

/* anchor: what the gateway has told of the mesh's model, which the device goes by; local steps begin there.
 * residual: what they came to that the gateway was not told yet.  x: where the steps of this round have
 * got to; without a link, as much of a seed as has come.  seeded: the link stands. */
struct gfl_link {
    bool seeded;
    bool open;
    uint32_t sequence;
    uint8_t digest[GFL_DIGEST_BYTES];
    struct gfl_pending pending;
    float anchor[GFL_PARAMETERS_MAX];
    float residual[GFL_PARAMETERS_MAX];
    float x[GFL_PARAMETERS_MAX];
};

/* Open the next exchange: how far x has got from the anchor is added to the residual, the most of which
 * becomes `pending`.  False if x is not finite, or if the message has no room for the payload. */
bool gfl_link_offer(struct gfl_link *link, const struct gfl_orders *orders, uint32_t samples,
                    struct gfl_entries *room);

/* The pending half, as a message says it. */
void gfl_link_half(const struct gfl_link *link, struct gfl_half *out);

/* Whether a half answers the pending one, with a payload that can be applied. */
bool gfl_link_suits(const struct gfl_link *link, const struct gfl_model *model,
                    const struct gfl_half *theirs, struct gfl_entries *room);

/* Move the anchor by the gateway's half; only of a half that suits. */
void gfl_link_apply(struct gfl_link *link, const struct gfl_model *model,
                    const struct gfl_half *theirs, struct gfl_entries *room);

/* The digest of an anchor, which a seed is named by. */
void gfl_link_seed_digest(const float *anchor, uint32_t size, uint8_t digest[GFL_DIGEST_BYTES]);

/* The anchor is a new seed: start counting. */
void gfl_link_plant(struct gfl_link *link, const uint8_t digest[GFL_DIGEST_BYTES]);

#endif
