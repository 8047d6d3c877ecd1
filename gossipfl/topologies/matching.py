"""Random pairs, new in every round: one exchange a node, and who meets whom is chance.

Boyd et al., "Randomized gossip algorithms" (2006), with all pairs of a round at once.
"""

import attrs

from gossipfl.topologies.base import Topology
from gossipfl.topologies.drawing import order
from gossipfl.topologies.links import Adjacency


@attrs.frozen
class Matching(Topology):
    """Of an odd number of members one, another each time, stays alone.

    seed: another seed, other pairs; the same on every node of a cluster.
    """

    seed: int = 0

    def period(self, size: int) -> int:
        """Drawn for ever, unless there is but one pair."""
        return 0 if size > 2 else 1

    def adjacency(self, members: tuple[str, ...], epoch: int) -> Adjacency:
        """Two next to each other in a random order are a pair."""
        drawn = order(members, f"matching/{self.seed}/{epoch}")
        rows: list[list[int]] = [[] for _ in members]
        for i, j in zip(drawn[::2], drawn[1::2], strict=False):
            rows[i].append(j)
            rows[j].append(i)
        return rows
