"""About `degree` random neighbours each: near the best spectral gap that so few links can buy.

The union of degree // 2 random Hamiltonian cycles, plus a random perfect matching for an odd
degree and an even number of members.  Connected from degree 2 up, since one cycle already is.  Such
unions are nearly Ramanujan with high probability (Friedman, "A proof of Alon's second eigenvalue
conjecture and related problems", 2008).
"""

from functools import lru_cache

import attrs
from attrs.validators import ge

from gossipfl.topologies.base import Topology
from gossipfl.topologies.drawing import order
from gossipfl.topologies.links import Adjacency

Rows = list[set[int]]
ATTEMPTS = 8


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
    rows: Rows = [set() for _ in members]
    for part in range((degree + 1) // 2):
        step = 2 if 2 * part + 1 == degree else 1
        if len(members) % step:
            break
        drawn = _draw(members, f"{seed}/{epoch}/{part}", rows, step)
        for place in range(0, len(drawn), step):
            i, j = drawn[place], drawn[(place + 1) % len(drawn)]
            rows[i].add(j)
            rows[j].add(i)
    return [sorted(row - {i}) for i, row in enumerate(rows)]


def _draw(members: tuple[str, ...], name: str, rows: Rows, step: int) -> list[int]:
    """A cycle that repeats no edge if one is found; few members may have none left."""
    for attempt in range(ATTEMPTS):
        drawn = order(members, f"{name}/{attempt}" if attempt else name)
        _avoid_repeats(drawn, rows, step)
        if not _repeats(drawn, set(range(0, len(drawn), step)), rows):
            break
    return drawn


def _avoid_repeats(drawn: list[int], rows: Rows, step: int) -> None:
    """Where the cycle joins two that are joined already, one of them changes places.

    With the next one for whom that helps: so few links move when a member leaves, as they would
    not if the cycle were drawn anew.  `step`: 2 in a matching, where every other edge counts.
    """
    size = len(drawn)
    for place in range(0, size, step):
        if not _repeats(drawn, {place}, rows):
            continue
        one = (place + 1) % size
        for far in range(place + 2, place + size):
            other = far % size
            edges = {p - p % step for p in (place, one, (other - 1) % size, other)}
            before = _repeats(drawn, edges, rows)
            drawn[one], drawn[other] = drawn[other], drawn[one]
            if _repeats(drawn, edges, rows) < before:
                break
            drawn[one], drawn[other] = drawn[other], drawn[one]


def _repeats(drawn: list[int], edges: set[int], rows: Rows) -> int:
    """How many of these edges, named by where they start in the cycle, there are already."""
    size = len(drawn)
    return sum(drawn[(place + 1) % size] in rows[drawn[place]] for place in edges)
