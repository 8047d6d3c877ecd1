/* Any content of the flash: raw bytes, and records with sound checksums, in an order and with a content
 * that no device would write.  A device must start from it, and go on or stop. */
#include <stdio.h>

#include "bytes.h"
#include "checksums.h"

#include "../rig.c"

/* How far inputs got: devices that found a key, and orders. */
static unsigned long starts, orders;

static const float features[4 * 5] = { 1, 2, 3, 4, 5, -1, 0, 1 };
static const uint16_t classes[4] = { 0, 1, 2, 0 };

struct input {
    const uint8_t *bytes;
    size_t left;
};

static uint8_t take(struct input *input)
{
    return input->left ? (input->left--, *input->bytes++) : 0;
}

/* Where a record of `length` bytes ends that starts at `place`. */
static size_t behind(size_t place, size_t length)
{
    return place + (8 + length + GFL_FLASH_WORD - 1) / GFL_FLASH_WORD * GFL_FLASH_WORD;
}

/* What a device would write as a record of this type, as far as inputs may leave it as it is. */
static const struct { uint8_t length, bytes[40]; } usual[] = {
    [GFL_RECORD_IDENTITY] = { GFL_IDENTITY_BYTES, { 1, 2, 3, 4, 1 } },
    [GFL_RECORD_COUNTER] = { 4, { 64 } },
    [GFL_RECORD_ORDERS] = { 40, { GFL_ORDERS, 0, 4, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0x3F, 0, 0, 0, 0, 6, 0,
                                  2, 0, 0, 0, 0, 0, 0, 0, 0, 156, 0, 0, 0, 2, 5, 0, 4, 0, 3, 0 } },
    [GFL_RECORD_LINK] = { 18, { 1, 1 } },
    [GFL_RECORD_ANCHOR] = { 156, { 0 } },
    [GFL_RECORD_RESIDUAL] = { 156, { 0 } },
    [GFL_RECORD_SEED] = { 156, { 0 } },
    [GFL_RECORD_OFFERED] = { 13, { GFL_OFFER, 1, 0, 0, 0, 0, 0, 255, 4 } },
    [GFL_RECORD_APPLIED] = { 13, { GFL_REPLY, 1, 0, 0, 0, 0, 0, 255, 4 } },
    [GFL_RECORD_CHUNK] = { 125, { GFL_CHUNK } },
};

/* The usual record, but for what the input has it differ by; 0 if the slot has no room for it. */
static size_t write_record(uint8_t *slot, size_t place, uint8_t type, struct input *input)
{
    size_t known = type <= GFL_RECORD_CHUNK ? usual[type].length : 0;
    size_t length = known ^ take(input), changes = take(input) % 64;
    if (behind(place, length) > GFL_SLOT_BYTES)
        return 0;
    gfl_store32(slot + place, type | (uint32_t)length << 8);
    for (size_t i = 0; i < length; i++)
        slot[place + 4 + i] = i < known && i < 40 ? usual[type].bytes[i] : 0;
    for (; length && changes; changes--)
        slot[place + 4 + take(input) % length] ^= take(input);
    gfl_store32(slot + place + 4 + length, gfl_crc32(0, slot + place, 4 + length));
    return behind(place, length);
}

/* A slot of sound records, which a device's usual ones may head; `complete` others end the checkpoint. */
static void write_slot(uint8_t *slot, bool headed, struct input *input)
{
    size_t place = 8;
    gfl_store32(slot, 0x314C4647u);
    gfl_store32(slot + 4, take(input));
    for (uint8_t type = GFL_RECORD_IDENTITY; headed && type <= GFL_RECORD_ORDERS; type++)
        place = write_record(slot, place, type, &(struct input){ NULL, 0 });
    for (uint8_t complete = take(input) % 8; place && input->left; complete--) {
        uint8_t type = (uint8_t)(1 + take(input) % GFL_RECORD_CHUNK);
        place = write_record(slot, place, complete ? type : GFL_RECORD_COMPLETE, input);
    }
}

static void write_raw(uint8_t *flash, struct input *input)
{
    for (size_t i = 0; input->left && i < 2 * GFL_SLOT_BYTES; i++)
        flash[i] = take(input);
}

/* What was found is stored and found again. */
static void check(struct rig *rig)
{
    if (!gfl_state_checkpoint(&rig->agent.state))
        abort();
    uint32_t sequence = rig->agent.state.link.sequence, reserved = rig->agent.state.reserved;
    bool ordered = rig->agent.state.ordered;
    starts += rig->agent.state.enrolled;
    orders += ordered;
    rig_reset(rig);
    if (rig->agent.state.reserved != reserved || rig->agent.state.ordered != ordered
        || (ordered && rig->agent.state.link.sequence != sequence))
        abort();
}

static void tell(void)
{
    printf("%lu enrolled, %lu ordered\n", starts, orders);
}

int LLVMFuzzerInitialize(int *count, char ***arguments)
{
    (void)count;
    (void)arguments;
    return atexit(tell);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct input input = { bytes, length };
    struct rig *rig = rig_new(features, classes, 4, 5, 3, 1);
    uint8_t what = take(&input);
    if (what % 8)
        write_slot(rig->flash + (what & 1) * GFL_SLOT_BYTES, what & 6, &input);
    else
        write_raw(rig->flash, &input);
    rig_reset(rig);
    for (int i = 0; i < 8; i++)
        rig_poll(rig, 5000, NULL, 0);
    if (rig->misused)
        abort();
    check(rig);
    rig_free(rig);
    return 0;
}
