/* ChaCha20-Poly1305 (RFC 8439), in constant time: no branch and no address depends on a secret. */
#ifndef GFL_AEAD_H
#define GFL_AEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GFL_KEY_BYTES 32
#define GFL_NONCE_BYTES 12
#define GFL_TAG_BYTES 16

/* Encrypt `length` bytes in place and write the tag behind them. */
void gfl_seal(const uint8_t *key, const uint8_t *nonce, const uint8_t *head, size_t head_bytes,
              uint8_t *text, size_t length);

/* Decrypt in place `length` bytes that a tag follows; false, and nothing decrypted, if the tag is
 * not right. */
bool gfl_open(const uint8_t *key, const uint8_t *nonce, const uint8_t *head, size_t head_bytes,
              uint8_t *text, size_t length);

#endif
