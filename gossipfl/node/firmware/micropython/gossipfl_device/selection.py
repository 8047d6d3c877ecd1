"""The largest entries of what a model has moved away from its anchor."""

from heapq import heappop, heappush

from gossipfl_device.numbers import INFINITY, Vector, zeros
from gossipfl_device.scales import SCALE_MIN


def select(
    x: Vector[float], anchor: Vector[float], wanted: int
) -> tuple[list[int], Vector[float]] | None:
    """Indices, ascending, and values of the `wanted` largest entries of x - anchor; of equal ones
    the first.  Entries too small for a scale are left out.  None if any is not finite.
    """
    cell = zeros(1)
    largest: list[float] = []
    for i in range(len(x)):
        cell[0] = x[i] - anchor[i]
        size = abs(cell[0])
        if not size < INFINITY:
            return None
        if len(largest) < wanted:
            heappush(largest, size)
        elif size > largest[0]:
            heappop(largest)
            heappush(largest, size)
    return _collect(x, anchor, largest)


def _collect(
    x: Vector[float], anchor: Vector[float], largest: list[float]
) -> tuple[list[int], Vector[float]]:
    cut = largest[0]
    ties = sum(size == cut for size in largest)
    cell, values = zeros(1), zeros(len(largest))
    indices: list[int] = []
    for i in range(len(x)):
        cell[0] = x[i] - anchor[i]
        size = abs(cell[0])
        if size < cut or size < SCALE_MIN or (size == cut and not ties):
            continue
        ties -= size == cut
        values[len(indices)] = cell[0]
        indices.append(i)
    return indices, values[: len(indices)]
