"""What lies between readings and a model: standardised as agreed, then projected.

The one place for it: nodes, judges and predictions must see the same numbers.
"""

import numpy as np
from numpy.typing import NDArray

from gossipfl.data.basis import Basis
from gossipfl.data.dataset import Dataset
from gossipfl.data.statistics import MomentSet, Scale, apply, groups_of, moments_of

Floats = NDArray[np.float32]
# Moments are filed by owner; where there is only one, any name will do.
NOBODY = bytes(8)


def transform(basis: Basis, features: Floats, scale: Scale | None) -> Floats:
    """f32[n, inputs], a new array, from f32[n, raw]; without a scale only projected."""
    return basis.transform(features if scale is None else apply(scale, features))


def prepare(basis: Basis, readings: Dataset, scale: Scale | None) -> Dataset:
    """The readings as the model sees them; their columns are no longer the file's."""
    features = transform(basis, readings.features, scale)
    return readings.with_features(features, tuple(f"input{i}" for i in range(features.shape[1])))


def own_scale(mode: str, readings: Dataset) -> Scale | None:
    """What `readings` alone are standardised with in this mode; None in mode "none"."""
    groups = groups_of(mode, readings.features.shape[1])
    if not groups:
        return None
    moments = MomentSet(groups)
    own = moments_of(readings, NOBODY, mode)
    if own is not None:
        moments.add(own)
    return moments.scale()
