"""exp, tanh and the logistic function in float32, without branches, so that loops vectorise.

Errors stay below 4e-7, relative for exp and absolute for the others, and NaN passes through.
Callers must not allow reassociation: it would fold away the rounding trick in `exp`.
"""

import numpy as np
from numba.extending import register_jitable

f4, i4 = np.float32, np.int32
ROUNDING = f4(12582912)  # 1.5 * 2**23: adding it leaves a whole number in the low bits
ROUNDING_BITS = i4(0x4B400000 - 127)  # its own bits, less the exponent's bias
PER_OCTAVE = f4(1.44269504)  # 1 / log 2
LOG2_HIGH, LOG2_LOW = f4(0.693359375), f4(-2.12194440e-4)  # log 2 in two parts


@register_jitable
def exp(x):
    """e to the x, for x clamped to -87..88: 2**n times a polynomial on half an octave around 0."""
    x = f4(-87) if x < f4(-87) else x
    x = f4(88) if x > f4(88) else x
    shifted = x * PER_OCTAVE + ROUNDING
    n = shifted - ROUNDING
    r = (x - n * LOG2_HIGH) - n * LOG2_LOW
    p = f4(1.9875691500e-4) * r + f4(1.3981999507e-3)
    p = p * r + f4(8.3334519073e-3)
    p = p * r + f4(4.1665795894e-2)
    p = p * r + f4(1.6666665459e-1)
    p = p * r + f4(5.0000001201e-1)
    p = p * r * r + r + f4(1)
    exponent = np.int32(np.float32(shifted).view(np.int32) - ROUNDING_BITS)
    return p * np.int32(exponent << np.int32(23)).view(np.float32)


@register_jitable
def tanh(x):
    """A rational function on -7.9..7.9, where float32 has reached 1."""
    x = f4(-7.90531110763549805) if x < f4(-7.90531110763549805) else x
    x = f4(7.90531110763549805) if x > f4(7.90531110763549805) else x
    s = x * x
    p = f4(-2.76076847742355e-16) * s + f4(2.00018790482477e-13)
    p = p * s + f4(-8.60467152213735e-11)
    p = p * s + f4(5.12229709037114e-08)
    p = p * s + f4(1.48572235717979e-05)
    p = p * s + f4(6.37261928875436e-04)
    p = p * s + f4(4.89352455891786e-03)
    q = f4(1.19825839466702e-06) * s + f4(1.18534705686654e-04)
    q = q * s + f4(2.26843463243900e-03)
    q = q * s + f4(4.89352518554385e-03)
    return x * p / q


@register_jitable
def logistic(x):
    """1 / (1 + exp(-x))."""
    return f4(0.5) * tanh(f4(0.5) * x) + f4(0.5)
