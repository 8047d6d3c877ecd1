/* What a device must not lose, and every change of it.
 *
 * A change is one record: written first, then made; and made again, from the journal, after a reset.
 * Local training alone is stored by checkpoints only. */
#ifndef GFL_STATE_H
#define GFL_STATE_H

#include "link.h"
#include "store.h"

enum gfl_record {
    GFL_RECORD_IDENTITY = 1, /* id, epoch, key */
    GFL_RECORD_COUNTER,      /* below which counters may be used */
    GFL_RECORD_ORDERS,       /* as the message */
    GFL_RECORD_LINK,         /* in checkpoints: all of it but the vectors */
    GFL_RECORD_ANCHOR,
    GFL_RECORD_RESIDUAL,
    GFL_RECORD_SEED,    /* in checkpoints: what has come of it */
    GFL_RECORD_OFFERED, /* our half, as the message */
    GFL_RECORD_APPLIED, /* the gateway's half, as the message */
    GFL_RECORD_CHUNK,   /* part of the seed, as the message */
};

/* identity: enrolled once there is one.  learning: anchor and residual mean something.  fetched: bytes of
 * the seed that have come.  counter: the next to use; below `reserved` all may be used. */
struct gfl_state {
    struct gfl_store store;
    bool enrolled;
    bool ordered;
    bool learning;
    uint8_t orders_bytes[GFL_ORDERS_BYTES_MAX];
    uint8_t orders_length;
    uint32_t fetched;
    uint32_t counter;
    uint32_t reserved;
    uint32_t exchanges;
    struct gfl_identity identity;
    struct gfl_orders orders;
    struct gfl_link link;
    struct gfl_entries entries;
    uint8_t record[GFL_MESSAGE_MAX];
};

/* Find the state that the flash holds, or start with none. */
void gfl_state_open(struct gfl_state *state, const struct gfl_port *port);

/* Store a change, then make it; `bytes` may be the state's own `record`.  False if it does not suit the
 * state, or if the flash failed; then nothing has changed but what a reset undoes. */
bool gfl_state_change(struct gfl_state *state, enum gfl_record type, const uint8_t *bytes,
                      uint32_t length);

/* Store everything, what was not told yet too. */
bool gfl_state_checkpoint(struct gfl_state *state);

/* The number of the next frame, which no other will ever bear.  False if that cannot be promised. */
bool gfl_state_take_counter(struct gfl_state *state, uint32_t *counter);

/* Whether the anchor must be fetched before anything else. */
bool gfl_state_lacks_seed(const struct gfl_state *state);

/* The device's key, as a record. */
#define GFL_IDENTITY_BYTES (GFL_ID_BYTES + 1 + GFL_KEY_BYTES)
void gfl_write_identity(uint8_t out[GFL_IDENTITY_BYTES], const struct gfl_identity *identity);

#endif
