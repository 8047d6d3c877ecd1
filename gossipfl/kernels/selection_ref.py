"""NumPy twin of selection.py."""

import numpy as np


def select_top(values, wanted, floor, places, chosen):
    """Find the `wanted` largest magnitudes; return how many there are.

    values: float32[d].  wanted: 1..d.  floor: bit pattern of the smallest magnitude to take.
    places: int32[d] and chosen: float32[d] begin with the ascending indices and the values found.
    Ties go to lower indices; -1 means that a value is not finite.
    """
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
