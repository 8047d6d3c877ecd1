"""Epidemic Learning: every round, models to a few nodes drawn at random; plain averaging.

De Vos et al., "Epidemic Learning: Boosting Decentralized Learning with Randomized Communication"
(2023, arXiv:2310.01972).
"""

import attrs
from attrs.validators import ge

from gossipfl.topologies.base import Topology, Weighted
from gossipfl.topologies.drawing import some
from gossipfl.topologies.links import Adjacency
from gossipfl.topologies.random_regular import RandomRegular
from gossipfl.topologies.weights import Rows, uniform


@attrs.frozen
class EpidemicOracle(Topology):
    """EL-Oracle: one random regular graph for all, new in every round.

    fanout: to how many each node sends.
    seed: another seed, other graphs; the same on every node of a cluster.
    """

    fanout: int = attrs.field(default=4, validator=ge(1))
    seed: int = 0

    def period(self, size: int) -> int:
        """Drawn for ever, unless everybody meets everybody."""
        return 0 if size > self.fanout + 1 else 1

    def adjacency(self, members: tuple[str, ...], epoch: int) -> Adjacency:
        """The epoch's graph."""
        return RandomRegular(self.fanout, self.seed).adjacency(members, epoch)


@attrs.frozen
class EpidemicLocal(Weighted):
    """EL-Local: each draws its receivers on its own, so that some hear many and some nobody.

    Rows sum to 1 but columns do not: the mean of all models drifts.
    """

    fanout: int = attrs.field(default=4, validator=ge(1))
    seed: int = 0

    def period(self, size: int) -> int:
        """Drawn for ever, unless everybody meets everybody."""
        return 0 if size > self.fanout + 1 else 1

    def rows(self, members: tuple[str, ...], epoch: int) -> Rows:
        """Everybody weighs all that it hears like its own."""
        heard: list[list[int]] = [[] for _ in members]
        for i, name in enumerate(members):
            salt = f"epidemic/{self.seed}/{epoch}/{name}"
            for other in some(self.fanout, len(members) - 1, salt):
                heard[other + (other >= i)].append(i)
        return uniform(heard)
