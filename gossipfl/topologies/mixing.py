"""How fast a topology mixes: what a round leaves of disagreement, rounds to consensus.

Disagreement is the expected variance between nodes, as a share of that of independent values of
equal variance at the start: ||(I - J) W_t ... W_1||^2 / (n - 1) in the Frobenius norm, where J
takes the mean.  So it needs no drawing of values.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import count, islice
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gossipfl.topologies.base import Topology
from gossipfl.topologies.weights import Rows, weigh

Matrix = NDArray[np.float64]
EXACT: Final = 1e-20  # a share of disagreement that is rounding alone
ROUNDS_MAX: Final = 10_000
LEAPS_MAX: Final = 40


class Mixing:
    """One topology over so many members, round by round.

    members: the ids.  mixing, samples: see weights.py.
    """

    def __init__(
        self,
        topology: Topology,
        members: tuple[str, ...],
        mixing: str = "own",
        samples: Sequence[float] = (),
    ) -> None:
        self.size = len(members)
        self.period = topology.period(self.size)
        self._topology = topology
        self._members = members
        self._mixing = mixing
        self._samples = samples or [1.0] * self.size

    @property
    def window(self) -> int:
        """Rounds that stand for all: a period, or 2 log2 n where each is drawn by chance."""
        return self.period or max(1, math.ceil(2 * math.log2(self.size)))

    def rows(self, epoch: int) -> Rows:
        """Of one round.  Raises ConfigError for weights that do not suit the topology."""
        epoch = epoch % self.period if self.period else epoch
        return weigh(self._mixing, self._topology.rows(self._members, epoch), self._samples)

    def matrix(self, epoch: int) -> Matrix:
        """float64[n, n] of one round."""
        return matrix_of(self.rows(epoch))

    def disagreements(self) -> Iterator[float]:
        """What is left after each round, for ever."""
        left = self._spread(np.eye(self.size))
        for epoch in count():
            left = self._spread(self.matrix(epoch) @ left)
            yield self._share(left)

    def gap(self) -> float:
        """The spectral gap: 1 minus the factor by which a round shrinks the worst disagreement.

        Over the window, as a geometric mean; of one symmetric matrix 1 - max(|l_2|, |l_n|).
        1 where the window ends in exact consensus.
        """
        worst = float(np.linalg.norm(self._product(self._turns(self.window)), 2))
        return 1.0 if worst**2 < EXACT else max(0.0, 1 - worst ** (1 / self.window))

    def rounds_to(self, share: float) -> float:
        """Rounds until no more than this share of disagreement is left; inf when it never is, or,
        where rounds are drawn by chance, not in ROUNDS_MAX.
        """
        if self.size == 1:
            return 0
        if self.period:
            return self._periodic_rounds_to(share)
        found = islice(self.disagreements(), ROUNDS_MAX)
        return next((rounds for rounds, left in enumerate(found, 1) if left <= share), math.inf)

    def _periodic_rounds_to(self, share: float) -> float:
        """Leaps over whole periods, 2^i at a time, to the last one that is still short of it."""
        turns = self._turns(self.period)
        leaps = [self._product(turns)]
        while self._share(leaps[-1]) > share:
            if len(leaps) == LEAPS_MAX:
                return math.inf
            leaps.append(leaps[-1] @ leaps[-1])
        left, periods = self._spread(np.eye(self.size)), 0
        for power, leap in reversed(list(enumerate(leaps[:-1]))):
            if self._share(leap @ left) > share:
                left, periods = leap @ left, periods + (1 << power)
        for rounds, turn in enumerate(turns, 1):
            left = turn @ left
            if self._share(left) <= share:
                return periods * self.period + rounds
        return math.inf

    def _turns(self, rounds: int) -> list[Matrix]:
        return [self._spread(self.matrix(epoch)) for epoch in range(rounds)]

    def _product(self, turns: list[Matrix]) -> Matrix:
        product = self._spread(np.eye(self.size))
        for turn in turns:
            product = turn @ product
        return product

    @staticmethod
    def _spread(matrix: Matrix) -> Matrix:
        """(I - J) times the matrix."""
        spread: Matrix = matrix - matrix.mean(axis=0)
        return spread

    def _share(self, left: Matrix) -> float:
        return float(np.square(left).sum()) / max(1, self.size - 1)


def matrix_of(rows: Rows) -> Matrix:
    """float64[n, n] of a mixing matrix's rows, with every node's own weight."""
    matrix = np.zeros((len(rows), len(rows)))
    for i, row in enumerate(rows):
        matrix[i, list(row)] = list(row.values())
        matrix[i, i] = 1 - sum(row.values())
    return matrix
