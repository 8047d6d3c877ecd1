"""One random peer a round, and a rate of consensus that does not fall with the number of nodes.

OU-EquiDyn of Song et al., "Communication-Efficient Topologies for Decentralized Learning with O(1)
Consensus Rate" (2022, arXiv:2210.07881), over all distances.
"""

from itertools import islice

import attrs

from gossipfl.topologies.base import Weighted
from gossipfl.topologies.drawing import integers
from gossipfl.topologies.weights import Rows

_STEP = 0.5


@attrs.frozen
class EquiDyn(Weighted):
    """A random distance; from a random start on, each is paired with the one so far behind it.

    seed: another seed, other pairs; the same on every node of a cluster.
    """

    seed: int = 0

    def period(self, size: int) -> int:
        """Drawn for ever, unless there is but one pair."""
        return 0 if size > 2 else 1

    def rows(self, members: tuple[str, ...], epoch: int) -> Rows:
        """A pair weighs each other by (n - 1) / 2n."""
        size = len(members)
        rows: list[dict[int, float]] = [{} for _ in members]
        if size == 1:
            return rows
        first, second = islice(integers(f"equidyn/{self.seed}/{epoch}"), 2)
        distance, start = 1 + first % (size - 1), second % size
        for place in range(start, start + size):
            i, j = place % size, (place + distance) % size
            if not rows[i] and not rows[j]:
                rows[i][j] = rows[j][i] = _STEP * (size - 1) / size
        return rows
