/* Positive numbers in one byte: logarithmic, eight codes an octave.
 *
 * Code c stands for 2^((c - 192) / 8).  Both ends of a link decode to the same bits: literals times exact
 * powers of two. */
#ifndef GFL_SCALES_H
#define GFL_SCALES_H

#include <stdint.h>

/* What a scale code stands for. */
float gfl_scale(uint8_t code);

/* The scale code nearest by ratio. */
uint8_t gfl_scale_code(double mean);

/* Bits of the smallest scale: lesser magnitudes stay in the residual. */
#define GFL_SCALE_MIN_BITS 0x33800000u

#endif
