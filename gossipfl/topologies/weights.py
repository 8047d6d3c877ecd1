"""Mixing weights for a graph that only says who is adjacent.

Metropolis-Hastings weights make the mixing matrix symmetric and doubly stochastic on any graph
whose links go both ways, from local knowledge alone (Xiao, Boyd and Lall, "A scheme for robust
distributed sensor fusion based on average consensus", 2005).
"""

from collections.abc import Mapping, Sequence
from typing import Final

from gossipfl.errors import ConfigError
from gossipfl.suggestion import suggest
from gossipfl.topologies.links import Adjacency, goes_both_ways

Rows = Sequence[Mapping[int, float]]
NAMES: Final = ("own", "metropolis", "uniform", "samples")


def metropolis_hastings(adjacency: Adjacency) -> Rows:
    """w_ij = 1 / (1 + max(degree_i, degree_j)): conserves the sum of all models."""
    return [{j: 1 / (1 + max(len(row), len(adjacency[j]))) for j in row} for row in adjacency]


def uniform(adjacency: Adjacency) -> Rows:
    """w_ij = 1 / (1 + degree_i): the plain mean of what a node has, which drifts off the mean of
    all where degrees differ.
    """
    return [dict.fromkeys(row, 1 / (1 + len(row))) for row in adjacency]


def sample_weighted(adjacency: Adjacency, samples: Sequence[float]) -> Rows:
    """Metropolis-Hastings with the samples as target: conserves the sum of samples_i x_i.

    w_ij = min(1 / (1 + degree_i), samples_j / (samples_i (1 + degree_j))), so that nodes agree on
    the mean over samples, not over nodes.  Raises ConfigError where links go one way only.
    """
    if not goes_both_ways(adjacency):
        raise ConfigError("weights by samples take links that go both ways: take uniform ones")
    shares = [count / (1 + len(row)) for count, row in zip(samples, adjacency, strict=True)]
    return [
        {j: min(shares[i], shares[j]) / samples[i] for j in row} for i, row in enumerate(adjacency)
    ]


def weigh(name: str, rows: Rows, samples: Sequence[float]) -> Rows:
    """The rows with weights as NAMES has them; "own" are the topology's.  Raises ConfigError."""
    adjacency = [list(row) for row in rows]
    if name == "own":
        return rows
    if name == "metropolis":
        return metropolis_hastings(adjacency)
    if name == "uniform":
        return uniform(adjacency)
    if name == "samples":
        return sample_weighted(adjacency, samples)
    raise ConfigError(f"mixing weights {name[:40]!r} are unknown; {suggest(name, NAMES)}")
