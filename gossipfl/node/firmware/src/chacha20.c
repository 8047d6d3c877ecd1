#include "chacha20.h"

#include "bytes.h"

static uint32_t turn(uint32_t word, unsigned by)
{
    return word << by | word >> (32 - by);
}

static void quarter(uint32_t *s, unsigned a, unsigned b, unsigned c, unsigned d)
{
    s[a] += s[b];
    s[d] = turn(s[d] ^ s[a], 16);
    s[c] += s[d];
    s[b] = turn(s[b] ^ s[c], 12);
    s[a] += s[b];
    s[d] = turn(s[d] ^ s[a], 8);
    s[c] += s[d];
    s[b] = turn(s[b] ^ s[c], 7);
}

static void make_block(const uint32_t *state, uint8_t *out)
{
    uint32_t mixed[16];
    gfl_copy(mixed, state, sizeof mixed);
    for (unsigned i = 0; i < 80; i++) {
        /* Columns first; then diagonals, each row one further to the left. */
        unsigned skew = i / 4 % 2, column = i % 4;
        quarter(mixed, column, 4 + (column + skew) % 4, 8 + (column + 2 * skew) % 4,
                12 + (column + 3 * skew) % 4);
    }
    for (unsigned i = 0; i < 16; i++)
        gfl_store32(out + 4 * i, mixed[i] + state[i]);
    gfl_wipe(mixed, sizeof mixed);
}

void gfl_chacha20(const uint8_t *key, const uint8_t *nonce, uint32_t block, uint8_t *text,
                  size_t length)
{
    uint32_t state[16] = { 0x61707865u, 0x3320646Eu, 0x79622D32u, 0x6B206574u };
    uint8_t stream[64];
    for (unsigned i = 0; i < 8; i++)
        state[4 + i] = gfl_load32(key + 4 * i);
    for (unsigned i = 0; i < 3; i++)
        state[13 + i] = gfl_load32(nonce + 4 * i);
    for (size_t i = 0; i < length; i++) {
        if (i % 64 == 0) {
            state[12] = block++;
            make_block(state, stream);
        }
        text[i] ^= stream[i % 64];
    }
    gfl_wipe(state, sizeof state);
    gfl_wipe(stream, sizeof stream);
}
