#include "poly1305.h"

#include "bytes.h"

#define LIMB 0x3FFFFFFu

/* 128 bits, and bit 128 if `high`, as limbs. */
static void split(const uint8_t *bytes, uint32_t high, uint32_t *limbs)
{
    uint32_t w0 = gfl_load32(bytes), w1 = gfl_load32(bytes + 4);
    uint32_t w2 = gfl_load32(bytes + 8), w3 = gfl_load32(bytes + 12);
    limbs[0] = w0 & LIMB;
    limbs[1] = (w0 >> 26 | w1 << 6) & LIMB;
    limbs[2] = (w1 >> 20 | w2 << 12) & LIMB;
    limbs[3] = (w2 >> 14 | w3 << 18) & LIMB;
    limbs[4] = w3 >> 8 | high << 24;
}

/* Bring all limbs below 2^26 again, but for a bit or two of the second. */
static void carry(uint64_t *wide, uint32_t *limbs)
{
    uint64_t over = 0;
    for (unsigned i = 0; i < 5; i++) {
        wide[i] += over;
        limbs[i] = (uint32_t)wide[i] & LIMB;
        over = wide[i] >> 26;
    }
    /* 2^130 is 5. */
    over = limbs[0] + 5 * over;
    limbs[0] = (uint32_t)over & LIMB;
    limbs[1] += (uint32_t)(over >> 26);
}

static void multiply(struct gfl_poly1305 *mac)
{
    uint64_t wide[5] = { 0 };
    for (unsigned i = 0; i < 5; i++)
        for (unsigned j = 0; j < 5; j++) {
            uint32_t factor = i + j < 5 ? mac->r[j] : 5 * mac->r[j];
            wide[(i + j) % 5] += (uint64_t)mac->sum[i] * factor;
        }
    carry(wide, mac->sum);
}

void gfl_poly1305_start(struct gfl_poly1305 *mac, const uint8_t *key)
{
    uint8_t clamped[16];
    gfl_copy(clamped, key, 16);
    for (unsigned i = 3; i < 16; i += 4)
        clamped[i] &= 15;
    for (unsigned i = 4; i < 16; i += 4)
        clamped[i] &= 252;
    split(clamped, 0, mac->r);
    gfl_fill(mac->sum, 0, sizeof mac->sum);
    gfl_copy(mac->last, key + 16, 16);
    gfl_wipe(clamped, sizeof clamped);
}

void gfl_poly1305_add(struct gfl_poly1305 *mac, const uint8_t *bytes, size_t count)
{
    uint32_t limbs[5];
    for (size_t done = 0; done < count; done += 16) {
        uint8_t block[16] = { 0 };
        gfl_copy(block, bytes + done, count - done < 16 ? count - done : 16);
        split(block, 1, limbs);
        for (unsigned i = 0; i < 5; i++)
            mac->sum[i] += limbs[i];
        multiply(mac);
    }
}

/* The sum modulo 2^130 - 5: less that prime, unless this would be negative. */
static void reduce(uint32_t *sum)
{
    uint64_t wide[5];
    uint32_t reduced[5], over = 5;
    for (unsigned i = 0; i < 5; i++)
        wide[i] = sum[i];
    carry(wide, sum);
    for (unsigned i = 0; i < 5; i++)
        wide[i] = sum[i];
    carry(wide, sum);
    for (unsigned i = 0; i < 5; i++) {
        over += sum[i];
        reduced[i] = over & LIMB;
        over >>= 26;
    }
    uint32_t beyond = 0u - over;
    for (unsigned i = 0; i < 5; i++)
        sum[i] = (reduced[i] & beyond) | (sum[i] & ~beyond);
}

void gfl_poly1305_finish(struct gfl_poly1305 *mac, uint8_t *tag)
{
    uint32_t *s = mac->sum;
    reduce(s);
    uint32_t words[4] = { s[0] | s[1] << 26, s[1] >> 6 | s[2] << 20, s[2] >> 12 | s[3] << 14,
                          s[3] >> 18 | s[4] << 8 };
    uint64_t over = 0;
    for (unsigned i = 0; i < 4; i++) {
        over += (uint64_t)words[i] + gfl_load32(mac->last + 4 * i);
        gfl_store32(tag + 4 * i, (uint32_t)over);
        over >>= 32;
    }
    gfl_wipe(mac, sizeof *mac);
}
