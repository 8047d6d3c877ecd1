"""Every pair is linked by chance alone (Erdős and Rényi, "On random graphs I", 1959).

Connected with high probability from a mean degree of ln n on.
"""

import math

import attrs
from attrs.validators import ge

from gossipfl.topologies.base import Topology
from gossipfl.topologies.drawing import keys_of, pair_draws
from gossipfl.topologies.links import Adjacency


@attrs.frozen
class ErdosRenyi(Topology):
    """A pair's chance is its own, so hardly a link changes when a member comes or goes.

    degree: mean neighbours a node; 0 takes 2 ln n.
    seed: another seed, other graphs; the same on every node of a cluster.
    """

    degree: float = attrs.field(default=0.0, validator=ge(0))
    seed: int = 0

    def adjacency(self, members: tuple[str, ...], epoch: int) -> Adjacency:
        """Pairs whose draw is below the mean degree's share of all pairs."""
        size = len(members)
        share = (self.degree or 2 * math.log(size)) / max(1, size - 1)
        keys = keys_of(members, f"erdos-renyi/{self.seed}/{epoch}")
        rows: list[list[int]] = [[] for _ in members]
        for i in range(size - 1):
            for j in (pair_draws(keys[i], keys[i + 1 :]) < share).nonzero()[0].tolist():
                rows[i].append(i + 1 + j)
                rows[i + 1 + j].append(i)
        return [sorted(row) for row in rows]
