"""The largest entries of what was not told yet."""

from heapq import heappop, heappush

from gossipfl_device.numbers import INFINITY, Vector, zeros
from gossipfl_device.scales import SCALE_MIN


def select(residual: Vector[float], wanted: int) -> tuple[list[int], Vector[float]] | None:
    """Indices, ascending, and values of the `wanted` largest entries; of equal ones the first.

    Entries too small for a scale are left out.  None if any is not finite.
    """
    largest: list[float] = []
    for value in residual:
        size = abs(value)
        if not size < INFINITY:
            return None
        if len(largest) < wanted:
            heappush(largest, size)
        elif size > largest[0]:
            heappop(largest)
            heappush(largest, size)
    return _collect(residual, largest)


def _collect(residual: Vector[float], largest: list[float]) -> tuple[list[int], Vector[float]]:
    cut = largest[0]
    ties = sum(size == cut for size in largest)
    values = zeros(len(largest))
    indices: list[int] = []
    for i in range(len(residual)):
        size = abs(residual[i])
        if size < cut or size < SCALE_MIN or (size == cut and not ties):
            continue
        ties -= size == cut
        values[len(indices)] = residual[i]
        indices.append(i)
    return indices, values[: len(indices)]
