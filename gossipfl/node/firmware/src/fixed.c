#include "fixed.h"

#include "config.h"

#if GFL_FIXED_POINT

#define MANTISSA_BITS 23
#define ONE (1u << 30)
#define LOG2_E 1549082005u /* times 2^30 */
#define LN_2 744261118u    /* times 2^30 */
#define FRACTION_BITS 16

/* 2^(-2^-k), k from 1 on, times 2^31. */
static const uint32_t roots[FRACTION_BITS] = {
    1518500250, 1805811301, 1969251188, 2056437387, 2101467502, 2124350982, 2135885998, 2141676973,
    2144578345, 2146030505, 2146756953, 2147120270, 2147301951, 2147392798, 2147438222, 2147460935,
};

union bits {
    float number;
    uint32_t bits;
};

static int exponent_of(uint32_t bits)
{
    return (int)(bits >> MANTISSA_BITS & 0xFF) - 127;
}

static uint32_t mantissa_of(uint32_t bits)
{
    return (bits & ((1u << MANTISSA_BITS) - 1)) | 1u << MANTISSA_BITS;
}

/* mantissa times 2^shift, rounded, at most `limit`. */
static uint32_t shifted(uint32_t mantissa, int shift, uint32_t limit)
{
    uint32_t found;
    if (shift > 30 - MANTISSA_BITS)
        return limit;
    if (shift >= 0)
        found = mantissa << shift;
    else if (shift < -MANTISSA_BITS - 1)
        found = 0;
    else
        found = (mantissa + (1u << (-shift - 1))) >> -shift;
    return found < limit ? found : limit;
}

int32_t gfl_to_fixed(float number, int bits, int32_t limit)
{
    uint32_t of = (union bits){ .number = number }.bits, magnitude = of & 0x7FFFFFFFu;
    if (magnitude < 0x00800000u || magnitude > 0x7F800000u)
        return 0;
    int shift = exponent_of(of) - MANTISSA_BITS + bits;
    int32_t found = (int32_t)shifted(mantissa_of(of), shift, (uint32_t)limit);
    return of >> 31 ? -found : found;
}

static int bit_length(uint32_t number)
{
    int bits = 0;
    for (int half = 16; half; half /= 2)
        if (number >> half) {
            number >>= half;
            bits += half;
        }
    return bits + (number != 0);
}

float gfl_from_fixed(int32_t fixed, int bits)
{
    uint32_t sign = (uint32_t)fixed & 0x80000000u, number = (uint32_t)fixed;
    if (!fixed)
        return 0;
    if (sign)
        number = 0 - number;
    int length = bit_length(number), over = length - MANTISSA_BITS - 1;
    if (over > 0) {
        uint32_t half = 1u << (over - 1), odd = number >> over & 1;
        /* What this carries into the exponent belongs there. */
        number = (number + half - 1 + odd) >> over;
    } else {
        number <<= -over;
    }
    uint32_t exponent = (uint32_t)(length - 1 - bits + 127 - 1) << MANTISSA_BITS;
    return (union bits){ .bits = sign | (exponent + number) }.number;
}

int32_t gfl_held(int64_t number, int32_t limit)
{
    if (number > limit)
        return limit;
    return number < -limit ? -limit : (int32_t)number;
}

int32_t gfl_rescale(int64_t number, unsigned bits, int32_t limit)
{
    return gfl_held((number + ((int64_t)1 << (bits - 1))) >> bits, limit);
}

struct gfl_factor gfl_factor_of(float number, uint32_t divisor)
{
    uint32_t bits = (union bits){ .number = number }.bits;
    struct gfl_factor found = { (int32_t)((mantissa_of(bits) << 7) / divisor),
                                (unsigned)(MANTISSA_BITS + 7 - exponent_of(bits)) };
    return found;
}

uint32_t gfl_fixed_exp(int32_t x)
{
    uint64_t halvings = ((uint64_t)(0 - (int64_t)x) * LOG2_E) >> 30;
    uint32_t found = ONE;
    if (halvings >> FRACTION_BITS > 30)
        return 0;
    for (unsigned k = 0; k < FRACTION_BITS; k++)
        if (halvings >> (FRACTION_BITS - 1 - k) & 1)
            found = (uint32_t)((uint64_t)found * roots[k] >> 31);
    return found >> (halvings >> FRACTION_BITS);
}

int32_t gfl_fixed_log(uint64_t x)
{
    uint32_t found = 0;
    for (; x >= 2 * (uint64_t)ONE; x >>= 1)
        found++;
    for (unsigned k = 0; k < FRACTION_BITS; k++) {
        x = x * x >> 30;
        found = 2 * found + (x >= 2 * (uint64_t)ONE);
        x >>= x >= 2 * (uint64_t)ONE;
    }
    return (int32_t)((uint64_t)found * LN_2 >> 30);
}

#endif
