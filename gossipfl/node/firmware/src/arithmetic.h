/* The few functions of numbers that training and coding need, without a C library. */
#ifndef GFL_ARITHMETIC_H
#define GFL_ARITHMETIC_H

#include <stdbool.h>
#include <stdint.h>

/* e^x, within two units of the last place; 0 below -87, infinite above 88. */
float gfl_exp(float x);

/* The natural logarithm of a positive, normal number, within 2e-7 of its size. */
float gfl_log(float x);

/* 2^exponent, for exponents of normal numbers. */
float gfl_power(int exponent);

/* The bits of |x|, which are in the order of the magnitudes; of infinity and above, not finite. */
uint32_t gfl_magnitude(float x);
#define GFL_INFINITE 0x7F800000u

/* Whether this part multiplies and adds as both ends of a link must: rounding each time, and without
 * flushing small numbers to zero.  Compile with -ffp-contract=off and without -ffast-math. */
bool gfl_arithmetic_is_exact(void);

#endif
