"""Whole mixing matrices, and the links in them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gossipfl.topologies.base import Topology

# Every name, with arguments that small numbers of members can show.
STATIC = [
    *("complete", "ring", "line", "star", "tree", "tree:3", "grid", "grid:3", "torus", "torus:3"),
    *("hypercube", "random:2", "random:3", "random:4", "random:5", "small-world:4:0.5"),
    *("scale-free", "scale-free:3", "clusters:3:2", "exponential"),
]
LOOSE = ["random:1", "erdos-renyi", "erdos-renyi:3", "islands"]
SCHEDULES = ["one-peer", "base:2", "base:3", "base:5", "equidyn", "matching", "el-oracle:3"]
ALL = [*STATIC, *LOOSE, *SCHEDULES, "el-local:2"]
ONE_WAY = {"exponential", "one-peer", "el-local:2"}


def names(size: int) -> list[str]:
    return [f"{i:03d}" for i in range(size)]


def mixing_matrix(topology: Topology, ids: Sequence[str], epoch: int = 0) -> NDArray[np.float64]:
    """float64[n, n], with every node's own weight."""
    matrix = np.zeros((len(ids), len(ids)))
    for i, row in enumerate(topology.rows(tuple(sorted(ids)), epoch)):
        for j, weight in row.items():
            matrix[i, j] = weight
        matrix[i, i] = 1 - matrix[i].sum()
    return matrix


def links(topology: Topology, ids: Sequence[str], epoch: int = 0) -> set[tuple[str, str]]:
    """(who takes, from whom)."""
    members = tuple(sorted(ids))
    adjacency = topology.adjacency(members, epoch)
    return {(members[i], members[j]) for i, row in enumerate(adjacency) for j in row}
