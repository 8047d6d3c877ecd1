#include "blake2b.h"

#include <stdbool.h>

#include "bytes.h"

static const uint64_t start_values[8] = {
    0x6A09E667F3BCC908u, 0xBB67AE8584CAA73Bu, 0x3C6EF372FE94F82Bu, 0xA54FF53A5F1D36F1u,
    0x510E527FADE682D1u, 0x9B05688C2B3E6C1Fu, 0x1F83D9ABFB41BD6Bu, 0x5BE0CD19137E2179u,
};

static const uint8_t orders[10][16] = {
    { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
    { 14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3 },
    { 11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4 },
    { 7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8 },
    { 9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13 },
    { 2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9 },
    { 12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11 },
    { 13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10 },
    { 6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5 },
    { 10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0 },
};

static uint64_t turn(uint64_t word, unsigned by)
{
    return word >> by | word << (64 - by);
}

static void mix(uint64_t *v, unsigned a, unsigned b, unsigned c, unsigned d, uint64_t x,
                uint64_t y)
{
    v[a] += v[b] + x;
    v[d] = turn(v[d] ^ v[a], 32);
    v[c] += v[d];
    v[b] = turn(v[b] ^ v[c], 24);
    v[a] += v[b] + y;
    v[d] = turn(v[d] ^ v[a], 16);
    v[c] += v[d];
    v[b] = turn(v[b] ^ v[c], 63);
}

static uint64_t load64(const uint8_t *from)
{
    return gfl_load32(from) | (uint64_t)gfl_load32(from + 4) << 32;
}

static void compress(struct gfl_blake2b *hash, bool last)
{
    uint64_t v[16];
    for (unsigned i = 0; i < 8; i++) {
        v[i] = hash->state[i];
        v[i + 8] = start_values[i];
    }
    v[12] ^= hash->total;
    v[14] = last ? ~v[14] : v[14];
    for (unsigned round = 0; round < 12; round++)
        for (unsigned i = 0; i < 8; i++) {
            /* Columns first; then diagonals, each row one further to the left. */
            unsigned skew = i / 4, column = i % 4;
            const uint8_t *order = orders[round % 10] + 2 * i;
            mix(v, column, 4 + (column + skew) % 4, 8 + (column + 2 * skew) % 4,
                12 + (column + 3 * skew) % 4, load64(hash->block + 8 * order[0]),
                load64(hash->block + 8 * order[1]));
        }
    for (unsigned i = 0; i < 8; i++)
        hash->state[i] ^= v[i] ^ v[i + 8];
}

void gfl_blake2b_start(struct gfl_blake2b *hash, uint8_t length, const void *key,
                       uint8_t key_bytes)
{
    gfl_copy(hash->state, start_values, sizeof start_values);
    hash->state[0] ^= 0x01010000u | (uint32_t)key_bytes << 8 | length;
    hash->total = 0;
    hash->filled = 0;
    hash->length = length;
    if (key_bytes) {
        gfl_fill(hash->block, 0, sizeof hash->block);
        gfl_copy(hash->block, key, key_bytes);
        hash->filled = sizeof hash->block;
    }
}

void gfl_blake2b_add(struct gfl_blake2b *hash, const void *bytes, size_t count)
{
    const uint8_t *from = bytes;
    while (count--) {
        if (hash->filled == sizeof hash->block) {
            hash->total += sizeof hash->block;
            compress(hash, false);
            hash->filled = 0;
        }
        hash->block[hash->filled++] = *from++;
    }
}

void gfl_blake2b_finish(struct gfl_blake2b *hash, uint8_t *digest)
{
    hash->total += hash->filled;
    gfl_fill(hash->block + hash->filled, 0, sizeof hash->block - hash->filled);
    compress(hash, true);
    for (unsigned i = 0; i < hash->length; i++)
        digest[i] = (uint8_t)(hash->state[i / 8] >> 8 * (i % 8));
    gfl_wipe(hash, sizeof *hash);
}
