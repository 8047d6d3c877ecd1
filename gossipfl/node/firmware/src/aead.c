#include "aead.h"

#include "bytes.h"
#include "chacha20.h"
#include "poly1305.h"

static void authenticate(const uint8_t *key, const uint8_t *nonce, const uint8_t *head,
                         size_t head_bytes, const uint8_t *text, size_t length, uint8_t *tag)
{
    struct gfl_poly1305 mac;
    uint8_t once[32] = { 0 }, lengths[16] = { 0 };
    gfl_chacha20(key, nonce, 0, once, sizeof once);
    gfl_store32(lengths, (uint32_t)head_bytes);
    gfl_store32(lengths + 8, (uint32_t)length);
    gfl_poly1305_start(&mac, once);
    gfl_poly1305_add(&mac, head, head_bytes);
    gfl_poly1305_add(&mac, text, length);
    gfl_poly1305_add(&mac, lengths, sizeof lengths);
    gfl_poly1305_finish(&mac, tag);
    gfl_wipe(once, sizeof once);
}

void gfl_seal(const uint8_t *key, const uint8_t *nonce, const uint8_t *head, size_t head_bytes,
              uint8_t *text, size_t length)
{
    gfl_chacha20(key, nonce, 1, text, length);
    authenticate(key, nonce, head, head_bytes, text, length, text + length);
}

bool gfl_open(const uint8_t *key, const uint8_t *nonce, const uint8_t *head, size_t head_bytes,
              uint8_t *text, size_t length)
{
    uint8_t tag[GFL_TAG_BYTES];
    authenticate(key, nonce, head, head_bytes, text, length, tag);
    if (!gfl_equal(tag, text + length, sizeof tag))
        return false;
    gfl_chacha20(key, nonce, 1, text, length);
    return true;
}
