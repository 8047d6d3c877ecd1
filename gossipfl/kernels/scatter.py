"""Adding a sparse vector to a dense one, to the bit the same on every processor.

Both ends of a link keep the same anchor by applying the same deltas, so the product is rounded
before it is added: no fastmath, which would let LLVM contract the two into a fused multiply-add.
"""

import numba
import numpy as np


@numba.njit(nogil=True, cache=True)
def scatter_add(target, indices, values, weight):
    """target[i] += weight * value for each index, in order.

    target: float32[d].  indices: int32[m].  values: float32[m].  weight: rounded to float32.
    Raises IndexError, having added the entries before it, at an index outside the target.
    """
    factor = np.float32(weight)
    for i in range(indices.size):
        if not 0 <= indices[i] < target.size:
            raise IndexError("the delta is longer than its target")
        target[indices[i]] += factor * values[i]
