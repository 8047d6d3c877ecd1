"""Payload bytes: pinned by hand, bounded in length, and total on bytes from anywhere."""

import contextlib
import random
from collections.abc import Iterator

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.compression import Delta, SparseCodec, packing
from gossipfl.errors import RemoteProtocolError
from gossipfl.kernels import rice

# Pure Python is some hundred times slower; the same seeds then cover the first few inputs.
FUZZ_INPUTS = 5_000 if numba.config.DISABLE_JIT else 200_000
SOAK_INPUTS = 20 * FUZZ_INPUTS


def residual_by_hand():
    """Size 16, two tensors of 8; entries 2 (+1), 3 (-1) and 9 (+4)."""
    residual = np.zeros(16, np.float32)
    residual[[2, 3, 9]] = 1, -1, 4
    return residual


def by_hand(bits):
    return SparseCodec(16, ((0, 8), (8, 16)), 3 / 16, bits)


def test_one_bit_by_hand():
    # Gaps 2, 0, 5 cost 9 bits with either parameter 0..2 (11 with 0); the lower one wins.
    # Parameter 1: 100 00 1101, each with its sign; codes 192 (scale 1) and 208 (scale 4); 4 zeros.
    bits = "10000011101000000011000010110000"
    stream = int(bits[::-1], 2).to_bytes(4, "little")
    assert by_hand(1).encode(residual_by_hand()) == bytes([3, 1]) + stream


def test_two_bits_by_hand():
    # Equals of their mean keep level 0: marks 00 10 00, so there are still two groups.
    bits = "10000001011010000000011000010110"
    stream = int(bits[::-1], 2).to_bytes(4, "little")
    assert by_hand(2).encode(residual_by_hand()) == bytes([3, 0x21]) + stream


GOOD = by_hand(1).encode(residual_by_hand())


@pytest.mark.parametrize(
    ("payload", "complaint"),
    [
        (b"", "no end"),
        (b"\x80\x80\x80\x80\x01", "no end"),
        (b"\x83\x00" + GOOD[1:], "longer than it need be"),
        (b"\x80\x00", "longer than it need be"),
        (b"\x00\x00", "more bytes"),
        (b"\x11" + GOOD[1:], "more entries"),
        (GOOD[:1], "after its count"),
        (GOOD[:1] + b"\x41" + GOOD[2:], "a shape"),
        (GOOD[:1] + b"\x81" + GOOD[2:], "a shape"),
        (GOOD[:1] + b"\x19" + GOOD[2:], "a shape"),
        (GOOD[:2], "cut short"),
        (GOOD[:-1], "too few scales"),
        (GOOD + b"\0", "too many"),
        (GOOD[:-1] + bytes([GOOD[-1] | 0x80]), "padded"),
        (b"\x01\x04\xff\xff\xff\xff", "outside"),
        (bytes(1000), "longer than any"),
    ],
)
def test_illegal_payloads(payload, complaint):
    with pytest.raises(RemoteProtocolError, match=complaint):
        by_hand(1).decode(payload)


@st.composite
def residuals(draw):
    """Supports from scattered to clustered: each stretch of the vector has a density of its own."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    densities = draw(st.lists(st.sampled_from([0.0, 0.003, 0.02, 0.04, 0.3, 0.5, 1.0]), min_size=1))
    chosen = np.concatenate([rng.random(64) < density for density in densities])
    return np.where(chosen, rng.normal(size=chosen.size), 0).astype(np.float32)


@given(residuals(), st.sampled_from([1, 2]))
def test_length_is_bounded(residual, bits):
    codec = SparseCodec(residual.size, ((0, 5), (5, residual.size)), 1.0, bits)
    payload = codec.encode(residual)
    assert len(payload) <= codec.payload_max
    assert codec.decode(payload).indices.tolist() == np.flatnonzero(residual).tolist()


@pytest.mark.parametrize("stride", [1, 2, 3, 5, 24, 25, 26, 49, 51, 100, 1000])
def test_length_is_bounded_for_combs(stride):
    """The costliest supports: evenly spaced, or one dense end and gaps that must be escaped."""
    size = 3_000
    comb = (np.arange(size) % stride == stride - 1).astype(np.float32)
    dense_start = comb + (np.arange(size) < size // 2)
    codec = SparseCodec(size, ((0, size),), 1.0, 2)
    for residual in (comb, dense_start.astype(np.float32)):
        assert len(codec.encode(residual)) <= codec.payload_max


FUZZ_CODEC = SparseCodec(300, ((0, 100), (100, 101), (101, 300)), 0.1, 2)


def legal_payloads(rng: random.Random) -> list[bytes]:
    """A few honest payloads of all kinds, to be damaged."""
    numbers = np.random.default_rng(rng.randrange(2**32))
    vectors = numbers.laplace(size=(20, 300)).astype(np.float32)
    ratios = (0.004, 0.01, 0.02, 0.1, 1.0)
    return [FUZZ_CODEC.encode(v, ratios[i % len(ratios)]) for i, v in enumerate(vectors)]


def damaged(payload: bytes, rng: random.Random) -> bytes:
    """One to three bytes changed, cut or inserted."""
    out = bytearray(payload)
    for _ in range(rng.randint(1, 3)):
        place = rng.randrange(len(out) + 1)
        kind = rng.randrange(4)
        if kind == 0:
            out[place:place] = rng.randbytes(1)
        elif kind == 1:
            del out[place:]
        elif place < len(out):
            out[place] ^= 1 << rng.randrange(8) if kind == 2 else rng.randrange(1, 256)
    return bytes(out)


def hostile_payloads(count: int, seed: int) -> Iterator[bytes]:
    rng = random.Random(seed)
    legal = legal_payloads(rng)
    for _ in range(count // 2):
        yield damaged(rng.choice(legal), rng)
        # Random bytes behind a head that gets past the first checks.
        entries = rng.choice((1, 2, 3, 9, 40))
        yield bytes([entries, rng.randrange(64)]) + rng.randbytes(rng.randrange(60))


def check_hostile(count: int, seed: int) -> int:
    """Each input is refused, or is the only spelling of its parts; returns how many are not."""
    accepted = 0
    for payload in hostile_payloads(count, seed):
        try:
            delta = FUZZ_CODEC.decode(payload)
        except RemoteProtocolError:
            continue
        accepted += 1
        check_entries(delta, FUZZ_CODEC.size)
        shape = 2 if payload[0] >= 0x80 else 1
        again = written_again(payload)
        assert again == payload or again[shape] != payload[shape]  # another Rice parameter
    return accepted


def check_entries(delta: Delta, size: int) -> None:
    """All that kernels rely on."""
    indices, values = delta.indices, delta.values
    assert (indices.dtype, values.dtype) == (np.int32, np.float32)
    assert indices.shape == values.shape
    assert np.isfinite(values).all()
    assert not indices.size or 0 <= indices[0] <= indices[-1] < size
    assert (indices[1:] > indices[:-1]).all()


def written_again(payload: bytes) -> bytes:
    """What would be written of what is read."""
    size, tensors = FUZZ_CODEC.size, len(FUZZ_CODEC.tensors)
    indices, _, marks, codes, _ = packing.make_room(size, tensors)
    stream = np.frombuffer(payload + packing.PADDING, np.uint8)
    count, groups = rice.read_payload(stream, size, indices, marks, codes)
    if not count:
        return b"\0"
    bits = 2 if payload[2 if payload[0] >= 0x80 else 1] & rice.TWO_BITS else 1
    entries, out = (indices[:count], marks[:count]), packing.make_out(size, tensors)
    memory = np.empty(count, np.int32), out
    return out[: rice.write_payload(*entries, codes[:groups], bits, size, *memory)].tobytes()


def test_any_bytes_are_a_delta_or_refused():
    assert check_hostile(FUZZ_INPUTS, seed=1) > FUZZ_INPUTS // 1000


@pytest.mark.soak
def test_any_bytes_are_a_delta_or_refused_for_long():
    check_hostile(SOAK_INPUTS, seed=2)


@given(st.binary(max_size=80))
def test_any_short_bytes_are_a_delta_or_refused(payload):
    with contextlib.suppress(RemoteProtocolError):
        assert FUZZ_CODEC.decode(payload).size == 300
