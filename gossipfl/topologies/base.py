"""What a topology is: from (ids, own id, epoch) to weighted neighbours, the same on every node."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import attrs

from gossipfl.errors import LocalProtocolError
from gossipfl.topologies.links import Adjacency
from gossipfl.topologies.weights import Rows, metropolis_hastings


@attrs.frozen
class Neighbour:
    """A peer whose model we take; `weight` is its entry in our row of the mixing matrix."""

    id: str
    weight: float


class Topology(ABC):
    """Who mixes with whom.

    Everything is a function of the live members, so that a graph whose member is gone is simply
    the graph of those that are left: there is no other repair, and all agree on it.
    """

    @property
    def ids(self) -> tuple[str, ...] | None:
        """The members that the graph was made for, sorted; None when it suits any."""
        return None

    def period(self, size: int) -> int:
        """Epochs until a schedule over so many members repeats, one epoch a round.

        1: one graph to stay with, though another epoch may draw another.  0: it never repeats.
        """
        return 1

    @abstractmethod
    def adjacency(self, members: tuple[str, ...], epoch: int) -> Adjacency:
        """For each member's index the ascending indexes of those whose models it takes, no loops.

        members: sorted, without repeats.
        """

    def rows(self, members: tuple[str, ...], epoch: int) -> Rows:
        """For each member's index its row of the mixing matrix, without its own weight, which is
        1 minus the others.
        """
        return metropolis_hastings(self.adjacency(members, epoch))

    def neighbours(self, ids: Sequence[str], own: str, epoch: int) -> tuple[Neighbour, ...]:
        """Our row of the mixing matrix in id order; our own weight is 1 minus their sum.

        ids: everybody alive, us included, in any order.
        Raises LocalProtocolError when `own` is not among the ids.
        """
        members = members_of(ids, own)
        row = self.rows(members, epoch)[members.index(own)]
        return tuple(Neighbour(members[j], weight) for j, weight in row.items())


class Weighted(Topology):
    """A topology that comes with weights of its own; who is adjacent follows from them."""

    @abstractmethod
    def rows(self, members: tuple[str, ...], epoch: int) -> Rows:
        """See Topology."""

    def adjacency(self, members: tuple[str, ...], epoch: int) -> Adjacency:
        """Those that have a weight."""
        return [list(row) for row in self.rows(members, epoch)]


def members_of(ids: Sequence[str], own: str) -> tuple[str, ...]:
    """The ids sorted, without repeats.  Raises LocalProtocolError when `own` is not among them."""
    members = tuple(sorted(frozenset(ids)))
    if own not in members:
        raise LocalProtocolError(f"{own} asks for neighbours but is not among the ids")
    return members
