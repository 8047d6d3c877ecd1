"""What a topology is: from (ids, own id, epoch) to weighted neighbours, the same on every node.

Weights are Metropolis-Hastings: w_ij = 1 / (1 + max(degree_i, degree_j)), which makes the mixing
matrix symmetric and doubly stochastic on any graph, from local knowledge alone (Xiao, Boyd and
Lall, "A scheme for robust distributed sensor fusion based on average consensus", 2005).
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Protocol

import attrs

from gossipfl.errors import LocalProtocolError


@attrs.frozen
class Neighbour:
    """A peer we may mix with; `weight` is its entry in our row of the mixing matrix."""

    id: str
    weight: float


class Topology(Protocol):
    """Anything that says who may mix with whom."""

    def neighbours(self, ids: Sequence[str], own: str, epoch: int) -> tuple[Neighbour, ...]:
        """Our row of the mixing matrix in id order; our own weight is 1 minus their sum.

        ids: everybody alive, us included, in any order; epoch: counts re-drawings of the graph.
        Raises LocalProtocolError when `own` is not among the ids.
        """
        ...


class Graph(ABC):
    """A topology that only says who is adjacent; the weights follow."""

    def neighbours(self, ids: Sequence[str], own: str, epoch: int) -> tuple[Neighbour, ...]:
        members = members_of(ids, own)
        adjacency = self.adjacency(members, epoch)
        mine = adjacency[members.index(own)]
        return tuple(
            Neighbour(members[j], 1 / (1 + max(len(mine), len(adjacency[j])))) for j in mine
        )

    @abstractmethod
    def adjacency(self, members: tuple[str, ...], epoch: int) -> Sequence[Sequence[int]]:
        """For each member's index the ascending indexes of its neighbours; symmetric, no loops.

        members: sorted, without repeats.
        """


def members_of(ids: Sequence[str], own: str) -> tuple[str, ...]:
    """The ids sorted, without repeats.  Raises LocalProtocolError when `own` is not among them."""
    members = tuple(sorted(frozenset(ids)))
    if own not in members:
        raise LocalProtocolError(f"{own} asks for neighbours but is not among the ids")
    return members
