/* The Poly1305 authenticator (RFC 8439, section 2.5). */
#ifndef GFL_POLY1305_H
#define GFL_POLY1305_H

#include <stddef.h>
#include <stdint.h>

/* Numbers below 2^130 in five limbs of 26 bits. */
struct gfl_poly1305 {
    uint32_t r[5];
    uint32_t sum[5];
    uint8_t last[16];
};

void gfl_poly1305_start(struct gfl_poly1305 *mac, const uint8_t *key);

/* Add bytes, with zeros behind them up to a whole block of 16. */
void gfl_poly1305_add(struct gfl_poly1305 *mac, const uint8_t *bytes, size_t count);
void gfl_poly1305_finish(struct gfl_poly1305 *mac, uint8_t *tag);

#endif
