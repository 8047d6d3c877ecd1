"""A tree that is as shallow as it can be: a hierarchy of collectors, each of a few below it."""

import attrs
from attrs.validators import ge

from gossipfl.topologies.base import Topology
from gossipfl.topologies.links import Adjacency


@attrs.frozen
class Tree(Topology):
    """The members in id order, level by level; the first is the root.

    children: of each that is no leaf.
    """

    children: int = attrs.field(default=2, validator=ge(1))

    def adjacency(self, members: tuple[str, ...], epoch: int) -> Adjacency:
        """The parent of i is (i - 1) // children."""
        rows: list[list[int]] = [[] for _ in members]
        for i in range(1, len(members)):
            parent = (i - 1) // self.children
            rows[i].append(parent)
            rows[parent].append(i)
        return rows
