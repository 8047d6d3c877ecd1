"""The Base-(k+1) Graph: exact consensus of any number of nodes after finitely many rounds.

Takezawa et al., "Beyond Exponential Graph: Communication-Efficient Topologies for Decentralized
Learning via Finite-time Convergence" (2023, arXiv:2305.11420).  In no round does a node have more
than k neighbours, and a schedule has at most 2 log_{k+1}(n) + 2 rounds.

A smooth number of nodes, one without a prime factor above k + 1, agrees by averaging in groups,
one digit of a node's number after another (`_averaging`).  Other numbers are written in base k + 1,
and each digit stands for a part of the nodes, larger parts first (`_simple`).  When all parts agree
within themselves, every part in turn mixes with all smaller ones so that these hold, as a whole,
the mean; and then averages once more.
"""

from collections.abc import Sequence
from functools import lru_cache

import attrs
from attrs.validators import ge

from gossipfl.topologies.base import Weighted
from gossipfl.topologies.weights import Rows

# (one end, other end, weight) of a round's links, all of which go both ways.
Round = list[tuple[int, int, float]]


@attrs.frozen
class BaseGraph(Weighted):
    """base: k + 1, where k is the most neighbours a node may have in a round."""

    base: int = attrs.field(default=2, validator=ge(2))

    def period(self, size: int) -> int:
        """Rounds to exact consensus."""
        return max(1, len(_schedule(size, self.base)))

    def rows(self, members: tuple[str, ...], epoch: int) -> Rows:
        """The links of one round."""
        size = len(members)
        rows: list[dict[int, float]] = [{} for _ in members]
        schedule = _schedule(size, self.base)
        for i, j, weight in schedule[epoch % len(schedule)] if schedule else ():
            rows[i][j] = rows[j][i] = weight
        return [dict(sorted(row.items())) for row in rows]


@lru_cache(maxsize=64)
def _schedule(size: int, base: int) -> list[Round]:
    """The shorter of two ways; the second splits the smooth part of n off first."""
    nodes = range(size)
    simple = _simple(nodes, base)
    smooth = _smooth_part(size, base)
    split = _side_by_side([_simple(nodes[i::smooth], base) for i in range(smooth)])
    across = [_averaging(nodes[i : i + smooth], base) for i in range(0, size, smooth)]
    split += _side_by_side(across)
    return min(simple, split, key=len)


def _simple(nodes: Sequence[int], base: int) -> list[Round]:
    """The Simple Base-(k+1) Graph of Takezawa et al., section 4.2."""
    parts = _parts(nodes, base)
    if _smooth_part(len(nodes), base) == len(nodes):
        return _averaging(nodes, base)
    rounds = _side_by_side([_averaging(part, base) for part, _ in parts])
    last: list[list[Round]] = []
    for place, (part, heads) in enumerate(parts[:-1]):
        groups = [part[i::heads] for i in range(heads)]
        smaller = [node for other, _ in parts[place + 1 :] for node in other]
        weight = len(groups[0]) / (len(part) + len(smaller))
        push = [(i, j, weight) for group in groups for i, j in zip(group, smaller, strict=False)]
        again = _side_by_side([_averaging(group, base) for group in groups])
        last.append([*([] for _ in range(place)), push, *again])
    return rounds + _side_by_side(last)


def _parts(nodes: Sequence[int], base: int) -> list[tuple[Sequence[int], int]]:
    """(nodes, a) for each digit a > 0 of their number in this base, the largest place first."""
    parts, start, place = [], 0, 1
    while place * base <= len(nodes):
        place *= base
    while place:
        digit = (len(nodes) - start) // place
        if digit:
            parts.append((nodes[start : start + digit * place], digit))
            start += digit * place
        place //= base
    return parts


def _averaging(nodes: Sequence[int], base: int) -> list[Round]:
    """The k-peer Hyper-Hypercube: means over groups whose sizes multiply to the number of nodes."""
    rounds: list[Round] = []
    stride = 1
    for factor in _factors(len(nodes), base):
        starts = [i for i in range(len(nodes)) if i // stride % factor == 0]
        rounds.append(
            [
                (nodes[start + a * stride], nodes[start + b * stride], 1 / factor)
                for start in starts
                for b in range(factor)
                for a in range(b)
            ]
        )
        stride *= factor
    return rounds


def _side_by_side(schedules: Sequence[list[Round]]) -> list[Round]:
    """Several schedules that share no node in any round, in the same rounds."""
    length = max((len(schedule) for schedule in schedules), default=0)
    return [
        [link for schedule in schedules if at < len(schedule) for link in schedule[at]]
        for at in range(length)
    ]


@lru_cache(maxsize=1024)
def _factors(size: int, largest: int) -> tuple[int, ...]:
    """The fewest factors, none above `largest`, of a smooth number."""
    if size == 1:
        return ()
    found = [
        (factor, *_factors(size // factor, largest))
        for factor in range(2, min(largest, size) + 1)
        if size % factor == 0
    ]
    return min(found, key=len)


def _smooth_part(size: int, largest: int) -> int:
    """The largest divisor of `size` without a prime factor above `largest`."""
    smooth = 1
    for factor in range(2, largest + 1):
        while size % factor == 0:
            size //= factor
            smooth *= factor
    return smooth
