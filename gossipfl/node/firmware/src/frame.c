#include "frame.h"

#include "bytes.h"

static void write_head(const struct gfl_identity *identity, enum gfl_direction direction,
                       uint32_t counter, uint8_t head[GFL_NONCE_BYTES])
{
    head[0] = (uint8_t)(GFL_PROTOCOL << 4 | direction);
    gfl_copy(head + 1, identity->id, GFL_ID_BYTES);
    head[5] = identity->epoch;
    gfl_store32(head + 6, counter);
    head[10] = head[11] = 0;
}

size_t gfl_seal_frame(const struct gfl_identity *identity, enum gfl_direction direction,
                      uint32_t counter, uint8_t *frame, size_t length)
{
    uint8_t nonce[GFL_NONCE_BYTES];
    write_head(identity, direction, counter, nonce);
    gfl_copy(frame, nonce, GFL_HEAD_BYTES);
    gfl_seal(identity->key, nonce, nonce, GFL_HEAD_BYTES, frame + GFL_HEAD_BYTES, length);
    return GFL_HEAD_BYTES + length + GFL_TAG_BYTES;
}

size_t gfl_open_frame(const struct gfl_identity *identity, enum gfl_direction direction,
                      uint32_t counter, uint8_t *frame, size_t length)
{
    uint8_t nonce[GFL_NONCE_BYTES];
    write_head(identity, direction, counter, nonce);
    if (length <= GFL_HEAD_BYTES + GFL_TAG_BYTES || !gfl_equal(frame, nonce, GFL_HEAD_BYTES))
        return 0;
    size_t text = length - GFL_HEAD_BYTES - GFL_TAG_BYTES;
    bool good = gfl_open(identity->key, nonce, nonce, GFL_HEAD_BYTES, frame + GFL_HEAD_BYTES, text);
    return good ? text : 0;
}
