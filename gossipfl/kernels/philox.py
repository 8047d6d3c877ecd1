"""Random words as a pure function of a counter: Philox4x32-10 (Salmon et al. 2011, "Parallel random
numbers: as easy as 1, 2, 3").  Nothing is kept between draws, so a draw can be made again anywhere.
"""

import numpy as np
from numba.extending import register_jitable

u8 = np.uint64
MULTIPLIER_0, MULTIPLIER_2 = u8(0xD2511F53), u8(0xCD9E8D57)
BUMP_0, BUMP_1 = u8(0x9E3779B9), u8(0xBB67AE85)  # golden ratio and square root of 3, less 1
HALF, LOW, ROUNDS = u8(32), u8(0xFFFFFFFF), 10


@register_jitable
def words(counter, key):
    """Four words below 2**32 for a counter of four of them and a key of two; all of them u64."""
    a, b, c, d = counter
    first, second = key
    for _ in range(ROUNDS):
        x, y = a * MULTIPLIER_0, c * MULTIPLIER_2
        a, b, c, d = (y >> HALF) ^ b ^ first, y & LOW, (x >> HALF) ^ d ^ second, x & LOW
        first, second = (first + BUMP_0) & LOW, (second + BUMP_1) & LOW
    return a, b, c, d
