"""NumPy twin of selection.py."""

import numpy as np


def select_top(values, count, floor, out):
    """Write the ascending indices of the `count` largest magnitudes; return how many there are.

    values: float32[d].  count: 1..d.  floor: bit pattern of the smallest magnitude wanted.  out:
    int64[d], scratch beyond the result.  Ties go to lower indices; -1: a value is not finite.
    """
    if not np.isfinite(values).all():
        return -1
    magnitudes = np.abs(values)
    cut = np.partition(magnitudes, values.size - count)[values.size - count]
    above = np.flatnonzero(magnitudes > cut)
    ties = np.flatnonzero(magnitudes == cut)[: count - above.size]
    chosen = np.sort(np.concatenate([above, ties]))
    chosen = chosen[magnitudes[chosen] >= np.int32(floor).view(np.float32)]
    out[: chosen.size] = chosen
    return chosen.size
