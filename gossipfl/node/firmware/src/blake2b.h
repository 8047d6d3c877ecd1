/* BLAKE2b (RFC 7693), for the link's digest and for keys. */
#ifndef GFL_BLAKE2B_H
#define GFL_BLAKE2B_H

#include <stddef.h>
#include <stdint.h>

struct gfl_blake2b {
    uint64_t state[8];
    uint64_t total;
    uint8_t block[128];
    uint8_t filled;
    uint8_t length;
};

/* length: bytes of the digest, 1 to 64.  key: 0 to 64 bytes. */
void gfl_blake2b_start(struct gfl_blake2b *hash, uint8_t length, const void *key,
                       uint8_t key_bytes);
void gfl_blake2b_add(struct gfl_blake2b *hash, const void *bytes, size_t count);
void gfl_blake2b_finish(struct gfl_blake2b *hash, uint8_t *digest);

#endif
