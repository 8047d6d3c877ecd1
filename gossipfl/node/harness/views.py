"""What nodes answer when they are looked at, and how far their models are apart."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from gossipfl.node.status import decode_vector


@frozen
class View:
    """One node as it answered just now.

    average, parameters: float32[d]; scale: (mean, inverse deviation) or None.
    """

    status: dict[str, Any]
    average: NDArray[np.float32]
    parameters: NDArray[np.float32]
    scale: tuple[NDArray[np.float32], NDArray[np.float32]] | None


def view_of(status: dict[str, Any], model: dict[str, Any]) -> View:
    """From what a node answers to `status` and `model`."""
    scale = None
    if model["mean"] is not None:
        scale = decode_vector(model["mean"]), decode_vector(model["inverse_deviation"])
    vectors = decode_vector(model["average"]), decode_vector(model["parameters"])
    return View(status, *vectors, scale)


def distances_from_mean(models: Sequence[NDArray[np.float32]]) -> list[float]:
    """How far each model, float32[d], is from the mean of all."""
    stacked = np.stack(models).astype(np.float64)
    return [float(distance) for distance in np.linalg.norm(stacked - stacked.mean(0), axis=1)]


def consensus_distance(models: Sequence[NDArray[np.float32]]) -> float:
    """Root mean square of the distances from the mean."""
    return float(np.sqrt(np.mean(np.square(distances_from_mean(models)))))
