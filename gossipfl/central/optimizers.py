"""What a seed makes of a round's mean update: Reddi et al. 2021 (arXiv:2003.00295), and momentum.

Each takes the mean update as the negative gradient of a step.  `momentum` is Hsu, Qi and Brown's
FedAvgM (2019, arXiv:1909.06335).
"""

from typing import Final, Literal

import numpy as np
from attrs import define, field
from numpy.typing import NDArray

from gossipfl.errors import StateError

Sum = NDArray[np.float64]
Name = Literal["average", "momentum", "adam", "yogi"]
NAMES: Final[tuple[Name, ...]] = ("average", "momentum", "adam", "yogi")

FIRST_MEMORY: Final = 0.9
SECOND_MEMORY: Final = 0.99


@define
class ServerOptimizer:
    """State of one server's steps.

    learning_rate: 1 is plain averaging; Adam and Yogi move an entry by about this much a round.
    caution: tau of Adam and Yogi, which keeps entries calm that hardly move.  Higher: calmer.
    first, second: running means of updates and of their squares, float64[size].
    """

    name: Name
    learning_rate: float
    caution: float
    size: int
    first: Sum = field(init=False)
    second: Sum = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.first = np.zeros(self.size if self.name != "average" else 0)
        self.second = np.full(self.size if self._is_adaptive else 0, self.caution**2)

    def step(self, update: Sum) -> Sum:
        """How far the model moves, float64[size]."""
        if self.name == "average":
            return self.learning_rate * update
        if self.name == "momentum":
            self.first = FIRST_MEMORY * self.first + update
            return self.learning_rate * self.first
        self.first = FIRST_MEMORY * self.first + (1 - FIRST_MEMORY) * update
        self._note_square(update * update)
        return self.learning_rate * self.first / (np.sqrt(self.second) + self.caution)

    def _note_square(self, square: Sum) -> None:
        excess = self.second - square
        if self.name == "yogi":
            excess = square * np.sign(excess)
        self.second = self.second - (1 - SECOND_MEMORY) * excess

    @property
    def _is_adaptive(self) -> bool:
        return self.name in ("adam", "yogi")

    def snapshot(self) -> tuple[bytes, bytes]:
        """Both running means."""
        return self.first.astype("<f8").tobytes(), self.second.astype("<f8").tobytes()

    def restore(self, first: bytes, second: bytes) -> None:
        """Go on where `snapshot` was taken, or from nothing if that was with another optimizer.

        Raises StateError when they are none of such a model's.
        """
        found = [np.frombuffer(each, "<f8").astype(np.float64) for each in (first, second)]
        if not all(len(each) in (0, self.size) and np.isfinite(each).all() for each in found):
            raise StateError("the seed's optimizer is damaged: remove the state to start anew")
        if [len(each) for each in found] == [len(self.first), len(self.second)]:
            self.first, self.second = found
