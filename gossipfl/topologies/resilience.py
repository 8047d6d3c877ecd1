"""What holds a graph together: distances, effective resistance, and what failures leave connected.

Graphs here are sets of neighbours a node, links both ways.
"""

from collections.abc import Collection, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gossipfl.topologies.drawing import order
from gossipfl.topologies.mixing import Matrix, Mixing

Graph = Sequence[frozenset[int]]
DRAWS: Final = 20


def union(mixing: Mixing) -> Graph:
    """All links of a window of rounds, in both directions."""
    near: list[set[int]] = [set() for _ in range(mixing.size)]
    for epoch in range(mixing.window):
        for i, row in enumerate(mixing.rows(epoch)):
            near[i].update(row)
            for j in row:
                near[j].add(i)
    return [frozenset(each) for each in near]


def distances(graph: Graph) -> NDArray[np.float64]:
    """float64[n, n]: hops, inf where there is no way."""
    far = np.full((len(graph), len(graph)), np.inf)
    for start in range(len(graph)):
        reached, edge, hops = {start}, {start}, 0
        while edge:
            far[start, list(edge)] = hops
            edge = {j for i in edge for j in graph[i]} - reached
            reached |= edge
            hops += 1
    return far


def rounds_to_hear(mixing: Mixing, rounds_max: int = 10_000) -> float:
    """Rounds until everybody has heard of everybody; the diameter of one graph that stays."""
    known = np.eye(mixing.size, dtype=bool)
    for epoch in range(rounds_max):
        if known.all():
            return epoch
        before = known
        known = known.copy()
        for i, row in enumerate(mixing.rows(epoch)):
            known[i] |= before[list(row)].any(axis=0)
        if mixing.period == 1 and (known == before).all():
            break
    return float("inf")


def resistance(mixing: Mixing) -> float:
    """Mean effective resistance between two nodes, where a link conducts by its mean weight.

    2 / (n - 1) times the sum of 1 / eigenvalue of the Laplacian (Klein and Randić, "Resistance
    distance", 1993); inf where the graph is not connected.
    """
    weights: Matrix = np.mean([mixing.matrix(epoch) for epoch in range(mixing.window)], axis=0)
    weights = (weights + weights.T) / 2
    np.fill_diagonal(weights, 0)
    found = np.linalg.eigvalsh(np.diag(weights.sum(axis=0)) - weights)[1:]
    if not len(found) or found[0] < 1e-12:
        return float("inf") if len(found) else 0.0
    return float(2 / len(found) * (1 / found).sum())


def largest_component(graph: Graph, gone: Collection[int]) -> float:
    """The largest connected part of those that are left, as a share of them."""
    left, largest = set(range(len(graph))).difference(gone), 0
    total = len(left)
    while left:
        todo = [left.pop()]
        size = 0
        while todo:
            size += 1
            near = graph[todo.pop()] & left
            left -= near
            todo += near
        largest = max(largest, size)
    return largest / total if total else 1.0


def after_random_failures(graph: Graph, share: float, draws: int = DRAWS) -> float:
    """Largest component when this share of the nodes fails at random; mean over draws."""
    names, failing = tuple(map(str, range(len(graph)))), round(share * len(graph))
    found = [
        largest_component(graph, order(names, f"failures/{draw}")[:failing])
        for draw in range(draws)
    ]
    return sum(found) / draws


def after_targeted_failures(graph: Graph, share: float) -> float:
    """Largest component when those fail that have the most links, counted anew after each."""
    degrees = [len(row) for row in graph]
    gone: set[int] = set()
    for _ in range(round(share * len(graph))):
        worst = max(set(range(len(graph))) - gone, key=lambda node: (degrees[node], -node))
        gone.add(worst)
        for other in graph[worst]:
            degrees[other] -= 1
    return largest_component(graph, gone)
