#include "arithmetic.h"

static float from_bits(uint32_t bits)
{
    union { uint32_t bits; float number; } as = { bits };
    return as.number;
}

static uint32_t to_bits(float number)
{
    union { float number; uint32_t bits; } as = { number };
    return as.bits;
}

float gfl_power(int exponent)
{
    return from_bits((uint32_t)(exponent + 127) << 23);
}

uint32_t gfl_magnitude(float x)
{
    return to_bits(x) & 0x7FFFFFFFu;
}

float gfl_exp(float x)
{
    if (x != x)
        return x;
    if (x < -87.0f)
        return 0.0f;
    if (x > 88.0f)
        return from_bits(GFL_INFINITE);
    int halves = (int)(x * 1.44269504f + (x < 0 ? -0.5f : 0.5f));
    /* ln 2 in two parts, of which the first has few bits: the product is exact. */
    float rest = x - (float)halves * 0.693359375f + (float)halves * 2.12194440e-4f;
    float series = 1.0f / 5040;
    series = series * rest + 1.0f / 720;
    series = series * rest + 1.0f / 120;
    series = series * rest + 1.0f / 24;
    series = series * rest + 1.0f / 6;
    series = series * rest + 0.5f;
    series = series * rest * rest + rest + 1.0f;
    return series * gfl_power(halves);
}

float gfl_log(float x)
{
    uint32_t bits = to_bits(x);
    int exponent = (int)(bits >> 23) - 127;
    float mantissa = from_bits((bits & 0x007FFFFFu) | 0x3F800000u);
    if (mantissa > 1.41421356f) {
        mantissa *= 0.5f;
        exponent++;
    }
    /* ln m = 2 artanh((m - 1) / (m + 1)). */
    float ratio = (mantissa - 1.0f) / (mantissa + 1.0f), square = ratio * ratio;
    float series = 2.0f / 9;
    series = series * square + 2.0f / 7;
    series = series * square + 2.0f / 5;
    series = series * square + 2.0f / 3;
    series = series * square + 2.0f;
    return series * ratio + (float)exponent * 0.693147181f;
}

bool gfl_arithmetic_is_exact(void)
{
    /* (1 + u)(1 + u) - (1 + 2 u) is u squared only where the product was not rounded. */
    volatile float factor = 1.0f + 0x1p-12f, product_rounded = 1.0f + 0x1p-11f;
    volatile float least = 0x1p-126f, half = 0.5f;
    float small = least * half;
    return factor * factor - product_rounded == 0.0f && small + small == least;
}
