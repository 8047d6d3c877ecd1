/* Numbers as integers, and what training does with them where the part has no floating point unit.
 *
 * Parameters have 24 bits behind the point, features and activations 16, errors 20.  Whatever leaves
 * its range is held at the end of it: so 511 products fit into 64 bits, and nothing wraps around. */
#ifndef GFL_FIXED_H
#define GFL_FIXED_H

#include <stdint.h>

#define GFL_PARAMETER_BITS 24
#define GFL_PARAMETER_LIMIT (1 << 30)
#define GFL_UNIT_BITS 16
#define GFL_UNIT_LIMIT (1 << 24)
#define GFL_ERROR_BITS 20
#define GFL_ERROR_LIMIT (1 << 24)

/* A number times 2^bits, rounded; halves away from zero.  0 for what is no number. */
int32_t gfl_to_fixed(float number, int bits, int32_t limit);

/* The reverse, as every conversion of integers to floats rounds: halves to even. */
float gfl_from_fixed(int32_t fixed, int bits);

/* A number, or the end of its range that it lies beyond. */
int32_t gfl_held(int64_t number, int32_t limit);

/* Divided by 2^bits (1 to 62) and rounded, halves upwards; held within the limit. */
int32_t gfl_rescale(int64_t number, unsigned bits, int32_t limit);

/* A positive, normal number divided by a small one: mantissa / 2^shift, the mantissa below 2^31. */
struct gfl_factor {
    int32_t mantissa;
    unsigned shift;
};
struct gfl_factor gfl_factor_of(float number, uint32_t divisor);

/* e^(x / 2^16) times 2^30, for x of 0 or less. */
uint32_t gfl_fixed_exp(int32_t x);

/* The natural logarithm of x / 2^30, which is 1 or more, times 2^16. */
int32_t gfl_fixed_log(uint64_t x);

#endif
