"""Whom to ask for the parts of a release's model, a few at a time."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from gossipfl.membership.effects import Send
from gossipfl.membership.records import Id
from gossipfl.wire.releases import PartsWanted

AGAIN_S: Final = 5.0


class Fetch:
    """At most one neighbour is asked at a time; one that does not answer in time is left alone."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._asked: Id | None = None
        self._asked_s = 0.0
        self._expected = 0

    def ask(
        self, number: int, wanted: tuple[int, ...], holders: Sequence[Id], now_s: float
    ) -> list[Send]:
        """For these parts of release `number`; nothing while an answer is due."""
        if self._asked is not None and now_s - self._asked_s >= AGAIN_S:
            holders = [each for each in holders if each != self._asked] or holders
            self._asked = None
        if not wanted or not holders or self._asked is not None:
            return []
        self._asked = holders[int(self._rng.integers(len(holders)))]
        self._asked_s, self._expected = now_s, len(wanted)
        return [Send(self._asked, PartsWanted(number, wanted))]

    def came(self, peer: Id) -> None:
        """A part, from this neighbour."""
        if peer == self._asked:
            self._expected -= 1
            if not self._expected:
                self._asked = None

    def forget(self, peer: Id | None = None) -> None:
        """Expect no more of this neighbour, or of anybody."""
        if peer is None or peer == self._asked:
            self._asked = None
