#include "keys.h"

#include "blake2b.h"
#include "bytes.h"

#define CODE_LETTERS 26

static int letter_value(char letter)
{
    if (letter >= 'a' && letter <= 'z')
        return letter - 'a';
    if (letter >= 'A' && letter <= 'Z')
        return letter - 'A';
    return letter >= '2' && letter <= '7' ? letter - '2' + 26 : -1;
}

bool gfl_read_code(const char *text, uint8_t code[GFL_CODE_BYTES])
{
    uint32_t held = 0;
    unsigned bits = 0, letters = 0, filled = 0;
    for (; *text; text++) {
        if (*text == '-' || *text == ' ')
            continue;
        int value = letter_value(*text);
        if (value < 0 || letters++ == CODE_LETTERS)
            return false;
        held = held << 5 | (uint32_t)value;
        bits += 5;
        if (bits >= 8) {
            bits -= 8;
            code[filled++] = (uint8_t)(held >> bits);
        }
    }
    /* 26 letters are 16 bytes and two bits, which are zero. */
    return letters == CODE_LETTERS && (held & 3) == 0;
}

/* BLAKE2b with `secret` as key, over a name of 16 bytes and more. */
static void derive(const uint8_t *secret, uint8_t secret_bytes, const char *name,
                   const uint8_t *more, size_t more_bytes, uint8_t *out, uint8_t out_bytes)
{
    struct gfl_blake2b hash;
    gfl_blake2b_start(&hash, out_bytes, secret, secret_bytes);
    gfl_blake2b_add(&hash, name, 16);
    gfl_blake2b_add(&hash, more, more_bytes);
    gfl_blake2b_finish(&hash, out);
}

void gfl_first_identity(const uint8_t code[GFL_CODE_BYTES], struct gfl_identity *out)
{
    derive(code, GFL_CODE_BYTES, "gossipfl code id", NULL, 0, out->id, GFL_ID_BYTES);
    derive(code, GFL_CODE_BYTES, "gossipfl codekey", NULL, 0, out->key, GFL_KEY_BYTES);
    out->epoch = 0;
}

void gfl_next_key(struct gfl_identity *identity, const uint8_t ours[GFL_CHANCE_BYTES],
                  const uint8_t theirs[GFL_CHANCE_BYTES])
{
    uint8_t more[GFL_ID_BYTES + 1 + 2 * GFL_CHANCE_BYTES];
    identity->epoch++;
    gfl_copy(more, identity->id, GFL_ID_BYTES);
    more[GFL_ID_BYTES] = identity->epoch;
    gfl_copy(more + GFL_ID_BYTES + 1, ours, GFL_CHANCE_BYTES);
    gfl_copy(more + GFL_ID_BYTES + 1 + GFL_CHANCE_BYTES, theirs, GFL_CHANCE_BYTES);
    uint8_t next[GFL_KEY_BYTES];
    derive(identity->key, GFL_KEY_BYTES, "gossipfl nextkey", more, sizeof more, next, sizeof next);
    gfl_copy(identity->key, next, sizeof next);
    gfl_wipe(next, sizeof next);
    gfl_wipe(more, sizeof more);
}
