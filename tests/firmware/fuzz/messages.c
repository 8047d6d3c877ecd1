/* Any bytes as a frame, and as each message that a device reads. */
#include <stdlib.h>
#include <string.h>

#include "link.h"

static const struct gfl_identity identity = { { 1, 2, 3, 4 }, 1, { 5 } };

/* A frame that was not made with the key opens as nothing. */
static void open_frame(const uint8_t *bytes, size_t length)
{
    uint8_t frame[GFL_FRAME_MAX];
    if (length > sizeof frame)
        return;
    memcpy(frame, bytes, length);
    if (gfl_open_frame(&identity, GFL_TO_DEVICE, 7, frame, length))
        abort();
}

/* What was sealed opens as it was, and with any bit changed as nothing. */
static void pass(const uint8_t *bytes, size_t length)
{
    uint8_t frame[GFL_FRAME_MAX];
    memcpy(frame + GFL_HEAD_BYTES, bytes, length);
    size_t whole = gfl_seal_frame(&identity, GFL_TO_DEVICE, 7, frame, length);
    frame[bytes[0] % whole] ^= (uint8_t)(1u << bytes[length - 1] % 8);
    if (gfl_open_frame(&identity, GFL_TO_DEVICE, 7, frame, whole))
        abort();
    frame[bytes[0] % whole] ^= (uint8_t)(1u << bytes[length - 1] % 8);
    if (gfl_open_frame(&identity, GFL_TO_DEVICE, 7, frame, whole) != length
        || memcmp(frame + GFL_HEAD_BYTES, bytes, length) != 0)
        abort();
}

static void read_orders(const uint8_t *bytes, size_t length)
{
    struct gfl_orders orders;
    if (gfl_read_orders(bytes, length, &orders)
        && (!gfl_model_fits(&orders.model) || orders.batch > GFL_BATCH_MAX
            || orders.keep > GFL_ENTRIES_MAX || length > GFL_ORDERS_BYTES_MAX))
        abort();
}

/* A half that was read is written as the same bytes. */
static void read_half(const uint8_t *bytes, size_t length)
{
    struct gfl_half half;
    uint8_t again[GFL_MESSAGE_MAX];
    if (length > sizeof again || !gfl_read_half(bytes, length, &half))
        return;
    if (gfl_write_half(again, (enum gfl_message)bytes[0], &half) != length
        || memcmp(again, bytes, length) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    open_frame(bytes, length);
    if (length && length <= GFL_MESSAGE_MAX)
        pass(bytes, length);
    if (length) {
        read_orders(bytes, length);
        read_half(bytes, length);
    }
    return 0;
}
