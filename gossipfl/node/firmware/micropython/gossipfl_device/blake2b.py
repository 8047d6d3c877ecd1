"""BLAKE2b (RFC 7693), under a key or without."""

import struct

TYPE_CHECKING = False  # of checkers alone, which take it for True: boards lack these modules
if TYPE_CHECKING:
    from collections.abc import Iterable

_MASK = 0xFFFFFFFFFFFFFFFF
_BLOCK_BYTES = 128
_START = (
    0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1,
    0x510E527FADE682D1, 0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179,
)  # fmt: skip
# Which words of a block each round takes, in order; two rounds more begin again.
_ORDERS = (
    b"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f",
    b"\x0e\x0a\x04\x08\x09\x0f\x0d\x06\x01\x0c\x00\x02\x0b\x07\x05\x03",
    b"\x0b\x08\x0c\x00\x05\x02\x0f\x0d\x0a\x0e\x03\x06\x07\x01\x09\x04",
    b"\x07\x09\x03\x01\x0d\x0c\x0b\x0e\x02\x06\x05\x0a\x04\x00\x0f\x08",
    b"\x09\x00\x05\x07\x02\x04\x0a\x0f\x0e\x01\x0b\x0c\x06\x08\x03\x0d",
    b"\x02\x0c\x06\x0a\x00\x0b\x08\x03\x04\x0d\x07\x05\x0f\x0e\x01\x09",
    b"\x0c\x05\x01\x0f\x0e\x0d\x04\x0a\x00\x07\x06\x03\x09\x02\x08\x0b",
    b"\x0d\x0b\x07\x0e\x0c\x01\x03\x09\x05\x00\x0f\x04\x08\x06\x02\x0a",
    b"\x06\x0f\x0e\x09\x0b\x03\x00\x08\x0c\x02\x0d\x07\x01\x04\x0a\x05",
    b"\x0a\x02\x08\x04\x07\x06\x01\x05\x0f\x0b\x09\x0e\x03\x0c\x0d\x00",
)


def blake2b(length: int, parts: Iterable[bytes], key: bytes = b"") -> bytes:
    """The digest of some parts, one behind the other, in `length` bytes (1 to 64)."""
    state = list(_START)
    state[0] ^= 0x01010000 | len(key) << 8 | length
    held, hashed = bytearray(key), 0
    if key:
        held.extend(bytes(_BLOCK_BYTES - len(key)))
    for part in parts:
        for place in range(0, len(part), _BLOCK_BYTES):
            held.extend(part[place : place + _BLOCK_BYTES])
            # The last block is marked, so a full one waits until more comes.
            if len(held) > _BLOCK_BYTES:
                hashed += _BLOCK_BYTES
                _compress(state, held, hashed, 0)
                held = held[_BLOCK_BYTES:]
    hashed += len(held)
    held.extend(bytes(_BLOCK_BYTES - len(held)))
    _compress(state, held, hashed, _MASK)
    return struct.pack("<8Q", *state)[:length]


def _compress(state: list[int], block: bytearray, hashed: int, last: int) -> None:
    words = struct.unpack_from("<16Q", block, 0)
    v = state + list(_START)
    v[12] ^= hashed
    v[14] ^= last
    for number in range(12):
        order = _ORDERS[number % 10]
        for i in range(4):
            x, y = words[order[2 * i]], words[order[2 * i + 1]]
            _mix(v, i, 4 + i, 8 + i, 12 + i, x, y)
        for i in range(4):
            x, y = words[order[8 + 2 * i]], words[order[9 + 2 * i]]
            _mix(v, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4, x, y)
    for i in range(8):
        state[i] ^= v[i] ^ v[8 + i]


def _mix(v: list[int], a: int, b: int, c: int, d: int, x: int, y: int) -> None:
    va, vb, vc, vd = v[a], v[b], v[c], v[d]
    va = (va + vb + x) & _MASK
    vd ^= va
    vd = (vd >> 32 | vd << 32) & _MASK
    vc = (vc + vd) & _MASK
    vb ^= vc
    vb = (vb >> 24 | vb << 40) & _MASK
    va = (va + vb + y) & _MASK
    vd ^= va
    vd = (vd >> 16 | vd << 48) & _MASK
    vc = (vc + vd) & _MASK
    vb ^= vc
    v[a], v[b], v[c], v[d] = va, (vb >> 63 | vb << 1) & _MASK, vc, vd
