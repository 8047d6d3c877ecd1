"""A sparse update of a flat vector."""

import attrs
import numpy as np
from numpy.typing import NDArray

_equal_arrays = attrs.cmp_using(eq=np.array_equal)


@attrs.define(eq=True)
class Delta:
    """What one peer asks another to add, entry by entry.  Nobody changes one.

    indices: int32[m], strictly ascending, each below `size`.
    values: float32[m], the change at each index.
    size: length of the vector that the delta applies to.

    Codecs make nothing else of any bytes, so nobody checks again.  (Freezing would double the time
    that a message takes.)
    """

    indices: NDArray[np.int32] = attrs.field(eq=_equal_arrays, repr=False)
    values: NDArray[np.float32] = attrs.field(eq=_equal_arrays, repr=False)
    size: int

    def norm(self) -> float:
        """Euclidean length, summed as float64."""
        return float(np.linalg.norm(self.values.astype(np.float64)))
