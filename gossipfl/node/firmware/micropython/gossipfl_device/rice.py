"""Gaps between ascending indices in Rice codes (Rice and Plaunt 1971): few bits for small ones."""

from gossipfl_device.bits import BitReader, BitWriter

RICE_MAX = 24
_ESCAPE = 24


def bit_length(number: int) -> int:
    """Bits that a number takes; 0 takes none."""
    bits = 0
    while number >> bits:
        bits += 1
    return bits


def rice_parameter(indices: list[int], size: int) -> int:
    """What codes the gaps in the fewest bits, the lower of equals; as all nodes search for it: from
    what suits the mean of exponentially distributed gaps (0.69: ln 2), then downhill.
    """
    best = max(0, bit_length(69 * size // (100 * len(indices))) - 1)
    least = _cost(indices, best, size)
    while best > 0 and _cost(indices, best - 1, size) <= least:
        best -= 1
        least = _cost(indices, best, size)
    while best < RICE_MAX and _cost(indices, best + 1, size) < least:
        best += 1
        least = _cost(indices, best, size)
    return best


def _cost(indices: list[int], rice: int, size: int) -> int:
    total, following = 0, 0
    for index in indices:
        ones = (index - following) >> rice
        total += ones + 1 + rice if ones < _ESCAPE else _ESCAPE + bit_length(size - 1)
        following = index + 1
    return total


def put_gap(writer: BitWriter, gap: int, rice: int, size: int) -> None:
    """Write one; size: of the vector."""
    ones = gap >> rice
    if ones < _ESCAPE:
        writer.put((1 << ones) - 1, ones + 1)
        writer.put(gap, rice)
    else:
        writer.put((1 << _ESCAPE) - 1, _ESCAPE)
        writer.put(gap, bit_length(size - 1))


def take_gap(reader: BitReader, rice: int, size: int) -> int:
    """Read one; ValueError for what no encoder writes."""
    ones = 0
    while ones < _ESCAPE and reader.take(1):
        ones += 1
    if ones < _ESCAPE:
        return (ones << rice) + reader.take(rice)
    gap = reader.take(bit_length(size - 1))
    if gap >> rice < _ESCAPE:
        raise ValueError("a gap in more bits than it needs")
    return gap
