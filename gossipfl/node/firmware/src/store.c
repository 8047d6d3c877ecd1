#include "store.h"

#include "bytes.h"
#include "checksums.h"

#define MAGIC 0x314C4647u /* "GFL1" */
#define HEAD_BYTES 8u
#define RECORD_HEAD_BYTES 4u
#define CRC_BYTES 4u
#define ERASED 0xFF
#define NOTHING 0xFFFFFFFFu

static uint32_t rounded(uint32_t bytes)
{
    return (bytes + GFL_FLASH_WORD - 1) / GFL_FLASH_WORD * GFL_FLASH_WORD;
}

static uint32_t base(uint32_t slot)
{
    return slot * GFL_SLOT_BYTES;
}

static void read_at(const struct gfl_port *port, uint32_t offset, void *out, uint32_t length)
{
    if (!port->flash(port->context, GFL_FLASH_READ, offset, out, length))
        gfl_fill(out, ERASED, length);
}

void gfl_store_read(const struct gfl_store *store, uint32_t offset, void *out, uint32_t length)
{
    read_at(store->port, offset, out, length);
}

/* The CRC of `length` bytes of flash. */
static uint32_t crc_at(const struct gfl_port *port, uint32_t offset, uint32_t length)
{
    uint8_t piece[32];
    uint32_t crc = 0;
    while (length) {
        uint32_t count = length < sizeof piece ? length : (uint32_t)sizeof piece;
        read_at(port, offset, piece, count);
        crc = gfl_crc32(crc, piece, count);
        offset += count;
        length -= count;
    }
    return crc;
}

/* The length of the record at a place in a slot, and its type; NOTHING if no whole one is there. */
static uint32_t record_at(const struct gfl_port *port, uint32_t slot, uint32_t place,
                          uint8_t *type)
{
    uint8_t head[RECORD_HEAD_BYTES], crc[CRC_BYTES];
    if (place + RECORD_HEAD_BYTES + CRC_BYTES > GFL_SLOT_BYTES)
        return NOTHING;
    read_at(port, base(slot) + place, head, sizeof head);
    uint32_t length = gfl_load32(head) >> 8, whole = RECORD_HEAD_BYTES + length;
    *type = head[0];
    if (whole > GFL_SLOT_BYTES - CRC_BYTES - place)
        return NOTHING;
    read_at(port, base(slot) + place + whole, crc, sizeof crc);
    return crc_at(port, base(slot) + place, whole) == gfl_load32(crc) ? length : NOTHING;
}

static uint32_t behind(uint32_t place, uint32_t length)
{
    return place + rounded(RECORD_HEAD_BYTES + length + CRC_BYTES);
}

/* The generation of a slot that holds a whole checkpoint; 0 of any other. */
static uint32_t complete_generation(const struct gfl_port *port, uint32_t slot)
{
    uint8_t head[HEAD_BYTES], type;
    read_at(port, base(slot), head, sizeof head);
    if (gfl_load32(head) != MAGIC)
        return 0;
    uint32_t place = rounded(HEAD_BYTES), length;
    while ((length = record_at(port, slot, place, &type)) != NOTHING) {
        if (type == GFL_RECORD_COMPLETE)
            return gfl_load32(head + 4);
        place = behind(place, length);
    }
    return 0;
}

static bool erased_from(const struct gfl_port *port, uint32_t slot, uint32_t place)
{
    for (uint8_t piece[32]; place < GFL_SLOT_BYTES;) {
        uint32_t left = GFL_SLOT_BYTES - place;
        uint32_t count = left < sizeof piece ? left : (uint32_t)sizeof piece;
        read_at(port, base(slot) + place, piece, count);
        for (uint32_t i = 0; i < count; i++)
            if (piece[i] != ERASED)
                return false;
        place += count;
    }
    return true;
}

bool gfl_store_open(struct gfl_store *store, const struct gfl_port *port, gfl_visitor *visit,
                    void *context)
{
    uint32_t first = complete_generation(port, 0), second = complete_generation(port, 1);
    *store = (struct gfl_store){ .port = port, .slot = second > first };
    store->generation = second > first ? second : first;
    if (!store->generation)
        return false;
    uint32_t place = rounded(HEAD_BYTES), length;
    uint8_t type;
    while ((length = record_at(port, store->slot, place, &type)) != NOTHING
           && visit(context, type, base(store->slot) + place + RECORD_HEAD_BYTES, length))
        place = behind(place, length);
    store->used = place;
    store->appendable = erased_from(port, store->slot, place);
    return true;
}

bool gfl_store_has_room(const struct gfl_store *store, uint32_t length)
{
    return store->appendable && behind(store->used, length) <= GFL_SLOT_BYTES;
}

static void program(struct gfl_store *store)
{
    const struct gfl_port *port = store->port;
    if (store->used + GFL_FLASH_WORD > GFL_SLOT_BYTES
        || !port->flash(port->context, GFL_FLASH_PROGRAM, base(store->slot) + store->used,
                        store->word, GFL_FLASH_WORD))
        store->failed = true;
    store->used += GFL_FLASH_WORD;
    store->filled = 0;
}

static void put(struct gfl_store *store, const void *bytes, uint32_t count)
{
    const uint8_t *from = bytes;
    while (count--) {
        store->word[store->filled++] = *from++;
        if (store->filled == GFL_FLASH_WORD)
            program(store);
    }
}

static void fill_word(struct gfl_store *store)
{
    static const uint8_t zero = 0;
    while (store->filled)
        put(store, &zero, 1);
}

void gfl_store_begin(struct gfl_store *store, uint8_t type, uint32_t length)
{
    uint8_t head[RECORD_HEAD_BYTES];
    gfl_store32(head, type | length << 8);
    store->crc = 0;
    gfl_store_put(store, head, sizeof head);
}

void gfl_store_put(struct gfl_store *store, const void *bytes, uint32_t count)
{
    store->crc = gfl_crc32(store->crc, bytes, count);
    put(store, bytes, count);
}

bool gfl_store_end(struct gfl_store *store)
{
    uint8_t crc[CRC_BYTES];
    gfl_store32(crc, store->crc);
    put(store, crc, sizeof crc);
    fill_word(store);
    /* Behind a record that failed, no other would be found. */
    store->appendable = store->appendable && !store->failed;
    return !store->failed;
}

void gfl_store_begin_checkpoint(struct gfl_store *store)
{
    const struct gfl_port *port = store->port;
    uint8_t head[HEAD_BYTES];
    store->slot ^= 1;
    store->generation++;
    store->used = 0;
    store->filled = 0;
    store->failed = !port->flash(port->context, GFL_FLASH_ERASE, base(store->slot), NULL,
                                 GFL_SLOT_BYTES);
    gfl_store32(head, MAGIC);
    gfl_store32(head + 4, store->generation);
    put(store, head, sizeof head);
    fill_word(store);
}

bool gfl_store_end_checkpoint(struct gfl_store *store)
{
    store->appendable = true;
    gfl_store_begin(store, GFL_RECORD_COMPLETE, 0);
    return gfl_store_end(store);
}
