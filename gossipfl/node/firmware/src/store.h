/* Records in flash that survive a reset at any byte.
 *
 * The flash has two slots.  A slot is a head, records that make a whole checkpoint, the record
 * GFL_RECORD_COMPLETE, and a journal of further ones.  When its slot is full, a new checkpoint goes to
 * the other, with a higher generation; until it is complete the old one counts.  The journal ends where
 * a record's checksum is wrong: what a reset cut short was never promised to anybody. */
#ifndef GFL_STORE_H
#define GFL_STORE_H

#include "config.h"
#include "port.h"

#define GFL_RECORD_COMPLETE 0xFE

struct gfl_store {
    const struct gfl_port *port;
    uint32_t slot;
    uint32_t generation;
    uint32_t used;
    uint32_t crc;
    bool appendable;
    bool failed;
    uint8_t filled;
    uint8_t word[GFL_FLASH_WORD];
};

/* Called for every record of the newest checkpoint and its journal, in order; `offset` is for
 * gfl_store_read.  False makes the store forget this record and all behind it. */
typedef bool gfl_visitor(void *context, uint8_t type, uint32_t offset, uint32_t length);

/* Find what is stored; false if nothing is. */
bool gfl_store_open(struct gfl_store *store, const struct gfl_port *port, gfl_visitor *visit,
                    void *context);

void gfl_store_read(const struct gfl_store *store, uint32_t offset, void *out, uint32_t length);

/* Whether the journal takes one more record; otherwise a checkpoint is due. */
bool gfl_store_has_room(const struct gfl_store *store, uint32_t length);

/* Write one record: begin, any number of puts of `length` bytes together, end. */
void gfl_store_begin(struct gfl_store *store, uint8_t type, uint32_t length);
void gfl_store_put(struct gfl_store *store, const void *bytes, uint32_t count);

/* False if the flash failed, now or before. */
bool gfl_store_end(struct gfl_store *store);

/* Begin a checkpoint in the other slot, which records follow; it counts from its end on. */
void gfl_store_begin_checkpoint(struct gfl_store *store);
bool gfl_store_end_checkpoint(struct gfl_store *store);

#endif
