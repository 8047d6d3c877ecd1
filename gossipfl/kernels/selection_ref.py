"""Reference twin of selection.py: the definition, not the speed."""

import numpy as np


def select_top(values, count, floor, out):
    """Ascending indices of the `count` largest magnitudes from the bit pattern `floor` on."""
    if not np.isfinite(values).all():
        return -1
    magnitudes = np.abs(values)
    order = np.argsort(-magnitudes, kind="stable")[:count]
    chosen = np.sort(order[magnitudes[order] >= np.int32(floor).view(np.float32)])
    out[: chosen.size] = chosen
    return chosen.size
