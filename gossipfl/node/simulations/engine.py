"""Where simulations run: what a place for them has to do."""

from collections.abc import Hashable, Sequence
from typing import Protocol, TypeVar

from gossipfl.node.simulations.study import Case

Handle = TypeVar("Handle", bound=Hashable)


class Engine(Protocol[Handle]):
    """Runs cases somewhere and passes on what they tell (see telling.py), by a handle for each."""

    @property
    def cores(self) -> int:
        """Runs at a time that it is made for."""

    def start(self, case: Case) -> Handle:
        """Begin to run it."""

    def wait(self, handles: Sequence[Handle]) -> Sequence[Handle]:
        """Those that have something to tell; waits for the first."""

    def receive(self, handle: Handle) -> bytes:
        """The next message of one that has something to tell.

        Raises StateError when the run has died.
        """

    def stop(self, handle: Handle) -> None:
        """Whether it has ended or not."""
