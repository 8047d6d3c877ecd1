"""Where to draw nodes so that links are about equally long and shapes show.

Stress majorisation (Gansner, Koren and North, "Graph drawing by stress majorization", 2004): places
whose distances are as near as they can be to the hops between nodes, near ones counting most.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from gossipfl.topologies.resilience import Graph, distances

STEPS: Final = 200

Places = NDArray[np.float64]


def circle(size: int) -> Places:
    """float64[n, 2], clockwise in the order of numbers, the first on top."""
    angles = 2 * np.pi * np.arange(size) / max(1, size)
    return np.stack([np.sin(angles), -np.cos(angles)], axis=1)


def spread_out(graph: Graph) -> Places:
    """float64[n, 2] within the unit circle's square; parts that are not linked lie side by side."""
    hops = distances(graph)
    reach = hops[np.isfinite(hops)].max()
    hops = np.where(np.isfinite(hops), hops, 1.5 * max(1.0, reach))
    places = _start(hops)
    weights = np.divide(1, hops**2, out=np.zeros_like(hops), where=hops > 0)
    laplacian = np.diag(weights.sum(axis=0)) - weights
    inverse = np.linalg.pinv(laplacian)
    for _ in range(STEPS):
        places = inverse @ _pull(places, weights, hops)
    unit: Places = places / max(1e-9, float(np.abs(places).max()))
    return unit


def _start(hops: NDArray[np.float64]) -> Places:
    """Classical scaling (Torgerson, 1952): exact where hops are distances in a plane."""
    middle = np.eye(len(hops)) - 1 / len(hops)
    values, vectors = np.linalg.eigh(-0.5 * middle @ hops**2 @ middle)
    best = np.argsort(-values, kind="stable")[:2]
    places = np.zeros((len(hops), 2))
    places[:, : len(best)] = vectors[:, best] * np.sqrt(np.maximum(values[best], 0))
    # Nodes with equal distances to all others would lie upon each other for ever.
    apart: Places = 0.01 * max(1e-9, float(np.abs(places).max())) * circle(len(hops))
    return places + apart


def _pull(places: Places, weights: NDArray[np.float64], hops: NDArray[np.float64]) -> Places:
    """The right-hand side of a step: every pair at its wished distance along its present line."""
    between = places[:, None] - places[None]
    lengths = np.linalg.norm(between, axis=2)
    pull = np.divide(weights * hops, lengths, out=np.zeros_like(hops), where=lengths > 1e-12)
    result: Places = (pull[:, :, None] * between).sum(axis=1)
    return result
