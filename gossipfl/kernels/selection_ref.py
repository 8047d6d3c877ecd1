"""NumPy twin of selection.py."""

import numpy as np


@np.errstate(all="ignore")
def select_top(model, anchor, wanted, floor, places, chosen, length):
    """Find the `wanted` largest magnitudes of model - anchor; return how many there are.

    model, anchor: float32[d].  wanted: 1..d.  floor: bit pattern of the smallest magnitude to take.
    places: int32[d] and chosen: float32[d] begin with the ascending indices and the differences
    found.  length: float64[1], of the whole difference, but for the order of a sum.  Ties go to
    lower indices; -1 means that one is not finite.
    """
    values = model - anchor
    length[0] = np.sqrt(np.dot(values, values))
    if not np.isfinite(values).all():
        return -1
    magnitudes = np.abs(values)
    cut = np.partition(magnitudes, values.size - wanted)[values.size - wanted]
    above = np.flatnonzero(magnitudes > cut)
    ties = np.flatnonzero(magnitudes == cut)[: wanted - above.size]
    found = np.sort(np.concatenate([above, ties]))
    found = found[magnitudes[found] >= np.int32(floor).view(np.float32)]
    places[: found.size], chosen[: found.size] = found, values[found]
    return found.size
