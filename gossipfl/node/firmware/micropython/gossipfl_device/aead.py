"""ChaCha20-Poly1305 (RFC 8439)."""

import struct

TAG_BYTES = 16
_WORD = 0xFFFFFFFF
_PRIME = (1 << 130) - 5
_CLAMP = 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
_CONSTANTS = (0x61707865, 0x3320646E, 0x79622D32, 0x6B206574)


def seal(key: bytes, nonce: bytes, head: bytes, text: bytes) -> bytes:
    """The text encrypted, and the tag behind it.  key: 32 bytes.  nonce: 12, never twice."""
    sealed = _crypt(key, nonce, text)
    return bytes(sealed) + _tag(key, nonce, head, sealed)


def open_sealed(key: bytes, nonce: bytes, head: bytes, sealed: bytes | bytearray) -> bytes | None:
    """The text; None unless it was sealed with the same key, nonce and head."""
    text, tag = sealed[:-TAG_BYTES], sealed[-TAG_BYTES:]
    difference = len(tag) ^ TAG_BYTES
    # To the end, whatever differs: how long it takes says nothing.
    for ours, theirs in zip(_tag(key, nonce, head, text), tag):
        difference |= ours ^ theirs
    return None if difference else bytes(_crypt(key, nonce, text))


def _tag(key: bytes, nonce: bytes, head: bytes, text: bytes | bytearray) -> bytes:
    once = _block(key, nonce, 0)
    factor = int.from_bytes(once[:16], "little") & _CLAMP
    total = 0
    for part in (head, text, struct.pack("<QQ", len(head), len(text))):
        for place in range(0, len(part), 16):
            piece = bytes(part[place : place + 16])
            number = int.from_bytes(piece + bytes(16 - len(piece)), "little")
            total = (total + number + (1 << 128)) * factor % _PRIME
    total += int.from_bytes(once[16:32], "little")
    return (total & ((1 << 128) - 1)).to_bytes(TAG_BYTES, "little")


def _crypt(key: bytes, nonce: bytes, text: bytes | bytearray) -> bytearray:
    out = bytearray(text)
    for place in range(0, len(out), 64):
        stream = _block(key, nonce, 1 + place // 64)
        for i in range(min(64, len(out) - place)):
            out[place + i] ^= stream[i]
    return out


def _block(key: bytes, nonce: bytes, number: int) -> bytes:
    start = _CONSTANTS + struct.unpack("<8I", key) + (number,) + struct.unpack("<3I", nonce)
    words = list(start)
    for _ in range(10):
        for i in range(4):
            _quarter_round(words, i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            _quarter_round(words, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return struct.pack("<16I", *[(word + first) & _WORD for word, first in zip(words, start)])


def _quarter_round(words: list[int], a: int, b: int, c: int, d: int) -> None:
    wa, wb, wc, wd = words[a], words[b], words[c], words[d]
    wa = (wa + wb) & _WORD
    wd ^= wa
    wd = (wd << 16 | wd >> 16) & _WORD
    wc = (wc + wd) & _WORD
    wb ^= wc
    wb = (wb << 12 | wb >> 20) & _WORD
    wa = (wa + wb) & _WORD
    wd ^= wa
    wd = (wd << 8 | wd >> 24) & _WORD
    wc = (wc + wd) & _WORD
    wb ^= wc
    words[a], words[b], words[c], words[d] = wa, (wb << 7 | wb >> 25) & _WORD, wc, wd
