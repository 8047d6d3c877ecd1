"""Deltas and their bytes, equal to those of every other node of the cluster.

Largest entries as signs, or signs and levels, times a scale shared within a tensor.  Bit 0 of a
mark is the sign (1: negative), bit 1 the level.
"""

from gossipfl_device.bits import BitReader, BitWriter
from gossipfl_device.numbers import Vector, zeros
from gossipfl_device.rice import RICE_MAX, put_gap, rice_parameter, take_gap
from gossipfl_device.scales import scale, scale_code, whole

_TWO_BITS = 0x20
_COUNT_BYTES = 4


def encode(stops: list[int], mark_bits: int, indices: list[int], values: Vector[float]) -> bytes:
    """The payload of selected entries.  stops: where each tensor ends in the flat vector.
    mark_bits: 1 (signs), or 2 (signs and levels).
    """
    writer, count = BitWriter(), len(indices)
    while count > 0x7F:
        writer.put(count & 0x7F | 0x80, 8)
        count >>= 7
    writer.put(count, 8)
    if indices:
        _put_entries(writer, stops, mark_bits, indices, values)
    return writer.finish()


def _put_entries(
    writer: BitWriter, stops: list[int], mark_bits: int, indices: list[int], values: Vector[float]
) -> None:
    rice, following = rice_parameter(indices, stops[-1]), 0
    sizes = [whole(abs(value)) for value in values]
    marks = bytearray(value < 0 for value in values)
    if mark_bits == 2:
        _raise_large(marks, sizes, _spans(stops, indices))
    writer.put(rice | (_TWO_BITS if mark_bits == 2 else 0), 8)
    for index, mark in zip(indices, marks):
        put_gap(writer, index - following, rice, stops[-1])
        writer.put(mark, mark_bits)
        following = index + 1
    for start, stop in _spans(stops, indices):
        for level in range(2):
            alike = [sizes[i] for i in range(start, stop) if marks[i] >> 1 == level]
            if alike:
                writer.put(scale_code(sum(alike), len(alike)), 8)


def _raise_large(marks: bytearray, sizes: list[int], spans: list[tuple[int, int]]) -> None:
    """Those above their tensor's mean to the second level."""
    for start, stop in spans:
        total = sum(sizes[start:stop])
        for i in range(start, stop):
            if sizes[i] * (stop - start) > total:
                marks[i] |= 2


def _spans(stops: list[int], indices: list[int]) -> list[tuple[int, int]]:
    """Which of the entries lie in each tensor."""
    found, start = [], 0
    for limit in stops:
        stop = start
        while stop < len(indices) and indices[stop] < limit:
            stop += 1
        found.append((start, stop))
        start = stop
    return found


def decode(stops: list[int], payload: bytes, entries_max: int) -> tuple[list[int], Vector[float]]:
    """Indices and values.  Raises ValueError for all bytes that are no delta of this model, with so
    many entries at most.
    """
    reader = BitReader(payload)
    count = _take_count(reader)
    if count > min(stops[-1], entries_max):
        raise ValueError("a delta of too many entries")
    indices: list[int] = []
    marks = bytearray(count)
    if count:
        _take_entries(reader, stops[-1], indices, marks)
    values = zeros(count)
    for start, stop in _spans(stops, indices):
        for level in range(2):
            alike = [i for i in range(start, stop) if marks[i] >> 1 == level]
            size = scale(reader.take(8)) if alike else 0.0
            for i in alike:
                values[i] = -size if marks[i] & 1 else size
    reader.finish()
    return indices, values


def _take_count(reader: BitReader) -> int:
    count = 0
    for place in range(_COUNT_BYTES):
        byte = reader.take(8)
        count |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            if not byte and place:
                raise ValueError("a count in more bytes than it needs")
            return count
    raise ValueError("a delta of too many entries")


def _take_entries(reader: BitReader, size: int, indices: list[int], marks: bytearray) -> None:
    shape = reader.take(8)
    rice, mark_bits = shape & (_TWO_BITS - 1), 2 if shape & _TWO_BITS else 1
    if shape >= 2 * _TWO_BITS or rice > RICE_MAX:
        raise ValueError("a delta of another kind")
    following = 0
    for i in range(len(marks)):
        index = following + take_gap(reader, rice, size)
        if index >= size:
            raise ValueError("an entry behind the model's end")
        indices.append(index)
        marks[i] = reader.take(mark_bits)
        following = index + 1
