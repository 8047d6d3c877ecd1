"""Which links to keep: HyParView's active view, where links that hold an anchor are worth most.

Leitão, Pereira and Rodrigues, "HyParView: a membership protocol for reliable gossip-based
broadcast" (2007).  Its passive view is the roll of members.  A link that was used before costs
nothing to use again, and a fresh one a hundred exchanges until it pays; so when one has to go, it
is the one that was used least.
"""

from collections.abc import Callable
from typing import Final

from attrs import define, frozen

from gossipfl.membership.records import Id

# With fewer links a member may be all alone, or with others who have no more.
FEW: Final = 2
DIALS_MAX: Final = 4
LOST_DIALS_MAX: Final = 16

Warmth = Callable[[Id], int]


@frozen
class Admission:
    """Whether a link may come into use, and which other one ends for it."""

    accepted: bool
    leaves: Id | None = None


@define
class Views:
    """The links of one member.

    view: links to keep up; view_max: links to have at most.
    warmth: how many exchanges were ever made with a peer; is_suspect: whether it may be dead.
    """

    view: int
    view_max: int
    warmth: Warmth
    is_suspect: Callable[[Id], bool]

    def wants_more(self, linked: list[Id]) -> bool:
        """The place of a suspect is filled at once; should it live, we have one link more."""
        return self.good(linked) < self.view

    def dials_max(self, linked: list[Id]) -> int:
        """How many peers to dial at a time; whose links all fail at once is in a hurry."""
        return LOST_DIALS_MAX if linked and self.is_lonely(linked) else DIALS_MAX

    def is_lonely(self, linked: list[Id]) -> bool:
        """No link to a living peer at all."""
        return not self.good(linked)

    def is_urgent(self, linked: list[Id]) -> bool:
        """Others should make room: two that have but each other would stay apart from the rest."""
        return self.good(linked) < min(FEW, self.view)

    def good(self, linked: list[Id]) -> int:
        """How many links lead to peers that live, as far as we know."""
        return sum(not self.is_suspect(peer) for peer in linked)

    def admit(self, linked: list[Id], *, urgent: bool) -> Admission:
        """Of a peer to whom there is no link; `urgent` when it has hardly any other link."""
        if len(linked) < self.view_max:
            return Admission(True)
        leaves = self.least_used(linked)
        # Without links to spare, two that need one would take it from each other for ever.
        if self.is_suspect(leaves) or (urgent and self.view_max > self.view):
            return Admission(True, leaves)
        return Admission(False)

    def least_used(self, linked: list[Id]) -> Id:
        """The link that is missed least: a suspect's, else the coldest, else the lowest id's."""
        return min(linked, key=lambda peer: (not self.is_suspect(peer), self.warmth(peer), peer))
