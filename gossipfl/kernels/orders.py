"""Random orders of rows, a function of seed and epoch alone: by numbers that carry their row.

Random numbers are spread evenly, so counting how many begin alike puts each next to its place.
"""

import numpy as np
from numba.extending import register_jitable

from gossipfl.kernels.calls import kernel
from gossipfl.kernels.signatures import DRAW_ORDERS

u8 = np.uint64
GAMMA, FIRST, SECOND = u8(0x9E3779B97F4A7C15), u8(0xBF58476D1CE4E5B9), u8(0x94D049BB133111EB)
LOWER = u8(2**32 - 1)


@register_jitable
def mixed(number):
    """SplitMix64 (Steele, Lea and Flood 2014): each number alone, into 64 bits that look random."""
    z = (number + GAMMA) * GAMMA
    z = (z ^ (z >> u8(30))) * FIRST
    z = (z ^ (z >> u8(27))) * SECOND
    return z ^ (z >> u8(31))


@kernel(DRAW_ORDERS)
def draw_orders(seed, first, keys, starts, out):
    """A random order for each epoch from the `first` on; a tie goes to the lower row.

    out: u64[epochs, rows].  Scratch: keys u64[rows], starts i64[2**bits], best about as many as
    rows.
    """
    shift = u8(64)
    count = starts.size
    while count > 1:
        count, shift = count // 2, shift - u8(1)
    for epoch in range(out.shape[0]):
        base = mixed(u8(first + epoch)) ^ u8(seed)
        for row in range(keys.size):
            keys[row] = mixed(u8(row) + base) & ~LOWER | u8(row)
        _place(keys, shift, starts, out[epoch])
        _settle(out[epoch])
        for place in range(keys.size):
            out[epoch, place] &= LOWER
    return 0


@register_jitable
def _place(keys, shift, starts, out):
    """Keys that begin alike side by side, behind those that begin lower."""
    starts[:] = 0
    for key in keys:
        starts[np.int64(key >> shift)] += 1
    total = 0
    for i in range(starts.size):
        total, starts[i] = total + starts[i], total
    for key in keys:
        start = np.int64(key >> shift)
        out[starts[start]] = key
        starts[start] += 1


@register_jitable
def _settle(keys):
    """Sort keys that are nearly in order."""
    for i in range(1, keys.size):
        key, place = keys[i], i
        while place > 0 and keys[place - 1] > key:
            keys[place] = keys[place - 1]
            place -= 1
        keys[place] = key
