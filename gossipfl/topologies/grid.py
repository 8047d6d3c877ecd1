"""Neighbours in two dimensions, as sensors on a wall or a field have them."""

import math

import attrs
from attrs.validators import ge

from gossipfl.topologies.base import Topology
from gossipfl.topologies.links import Adjacency


@attrs.frozen
class Grid(Topology):
    """Rows of equal length, the last one perhaps shorter, filled in id order; degree 2 to 4.

    columns: in a row; 0 makes the grid as square as it can be.
    """

    columns: int = attrs.field(default=0, validator=ge(0))

    def adjacency(self, members: tuple[str, ...], epoch: int) -> Adjacency:
        """Left, right, above and below."""
        size, columns = len(members), self.columns or square_side(len(members))
        return [
            [
                *([i - columns] if i >= columns else []),
                *([i - 1] if i % columns else []),
                *([i + 1] if (i + 1) % columns and i + 1 < size else []),
                *([i + columns] if i + columns < size else []),
            ]
            for i in range(size)
        ]


@attrs.frozen
class Torus(Topology):
    """A grid without edges: degree 4 for any number of members.

    The end of a row is joined to the start of the next, and the end of the last row to the start
    of the first: helical boundaries, as simulations of lattices have them (Newman and Barkema,
    "Monte Carlo Methods in Statistical Physics", 1999).  So no rectangle has to be filled, and when
    a member leaves only links across its place change.
    """

    columns: int = attrs.field(default=0, validator=ge(0))

    def adjacency(self, members: tuple[str, ...], epoch: int) -> Adjacency:
        """1 and `columns` places before and behind."""
        size, columns = len(members), self.columns or square_side(len(members))
        steps = (1, -1, columns, -columns)
        return [sorted({(i + step) % size for step in steps} - {i}) for i in range(size)]


def square_side(size: int) -> int:
    """Columns of the grid that is nearest to a square."""
    return max(1, round(math.sqrt(size)))
