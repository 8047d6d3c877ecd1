/* The ChaCha20 stream cipher (RFC 8439, section 2.4). */
#ifndef GFL_CHACHA20_H
#define GFL_CHACHA20_H

#include <stddef.h>
#include <stdint.h>

/* Combine `length` bytes with the key stream from block `block` on. */
void gfl_chacha20(const uint8_t *key, const uint8_t *nonce, uint32_t block, uint8_t *text,
                  size_t length);

#endif
