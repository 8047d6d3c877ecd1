"""About `degree` random neighbours each: near the best spectral gap that so few links can buy.

The union of degree // 2 random Hamiltonian cycles, plus a random perfect matching for an odd
degree and an even number of members.  Connected from degree 2 up, since one cycle already is.  Such
unions are nearly Ramanujan with high probability (Friedman, "A proof of Alon's second eigenvalue
conjecture and related problems", 2008).
"""

from collections.abc import Iterator
from functools import lru_cache

import attrs
from attrs.validators import ge

from gossipfl.topologies.base import Topology
from gossipfl.topologies.drawing import order
from gossipfl.topologies.links import Adjacency

_TRIES = 16

Edges = list[tuple[int, int]]


@attrs.frozen
class RandomRegular(Topology):
    """A new graph each epoch.

    degree: neighbours a node; fewer where edges coincide, as they must when members are few.
    seed: another seed, another sequence of graphs; the same on every node of a cluster.
    """

    degree: int = attrs.field(default=4, validator=ge(1))
    seed: int = 0

    def adjacency(self, members: tuple[str, ...], epoch: int) -> Adjacency:
        """Cycles, and a matching for an odd degree."""
        return _adjacency(members, self.degree, self.seed, epoch)


@lru_cache(maxsize=8)  # in a simulation every member asks about the same epoch
def _adjacency(members: tuple[str, ...], degree: int, seed: int, epoch: int) -> list[list[int]]:
    rows: list[set[int]] = [set() for _ in members]
    for part in range((degree + 1) // 2):
        is_matching = 2 * part + 1 == degree
        if is_matching and len(members) % 2:
            break
        for i, j in _new_edges(rows, _shuffles(members, f"{seed}/{epoch}/{part}"), is_matching):
            rows[i].add(j)
            rows[j].add(i)
    return [sorted(row - {i}) for i, row in enumerate(rows)]


def _new_edges(rows: list[set[int]], shuffles: Iterator[list[int]], is_matching: bool) -> Edges:
    """A cycle or matching without edges that are there already, if a few tries find one."""
    edges: Edges = []
    for drawn in shuffles:
        edges = list(zip(drawn[::2], drawn[1::2], strict=True)) if is_matching else _cycle(drawn)
        if not any(j in rows[i] for i, j in edges):
            break
    return edges


def _cycle(drawn: list[int]) -> Edges:
    return list(zip(drawn, drawn[1:] + drawn[:1], strict=True))


def _shuffles(members: tuple[str, ...], salt: str) -> Iterator[list[int]]:
    return (order(members, f"{salt}/{attempt}") for attempt in range(_TRIES))
