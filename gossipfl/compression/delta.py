"""A sparse update of a flat vector."""

import attrs
import numpy as np
from numpy.typing import NDArray

from gossipfl.errors import LocalProtocolError

_equal_arrays = attrs.cmp_using(eq=np.array_equal)


@attrs.frozen
class Delta:
    """What one peer asks another to add, entry by entry.

    indices: int32[m], strictly ascending, each below `size`.
    values: float32[m], the change at each index.
    size: length of the vector that the delta applies to.

    Kernels write through the indices without further checks, so that a delta that breaks these
    rules raises LocalProtocolError here.
    """

    indices: NDArray[np.int32] = attrs.field(eq=_equal_arrays, repr=False)
    values: NDArray[np.float32] = attrs.field(eq=_equal_arrays, repr=False)
    size: int

    def __attrs_post_init__(self) -> None:
        if self.indices.dtype != np.int32 or self.values.dtype != np.float32:
            raise LocalProtocolError("a delta needs int32 indices and float32 values")
        if self.indices.ndim != 1 or self.indices.shape != self.values.shape:
            raise LocalProtocolError("a delta needs one value for each index")
        if not _ascending_below(self.indices, self.size):
            raise LocalProtocolError(f"delta indices must ascend within 0..{self.size - 1}")

    def norm(self) -> float:
        """Euclidean length, summed as float64."""
        return float(np.linalg.norm(self.values.astype(np.float64)))


def _ascending_below(indices: NDArray[np.int32], size: int) -> bool:
    if not indices.size:
        return True
    inside = bool(indices[0] >= 0 and indices[-1] < size)
    # Much quicker than .all() on a few entries.
    return inside and not np.count_nonzero(indices[1:] <= indices[:-1])
