"""The MicroPython device's payloads are those of gossipfl.compression, byte for byte."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gossipfl.compression import SparseCodec
from gossipfl.compression.scales import BORDERS, SCALES
from gossipfl.errors import RemoteProtocolError
from tests.firmware.micropython.board import Interpreter
from tests.firmware.test_codec import moved, spans

shared = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
WIDTHS = ((7,), (1, 1), (30, 2, 40, 4), (640, 10))
ENTRIES_MAX = 96


def stops(sizes: tuple[int, ...]) -> list[int]:
    return [int(stop) for stop in np.cumsum(sizes)]


@shared
@given(
    st.sampled_from(WIDTHS),
    st.integers(1, ENTRIES_MAX),
    st.sampled_from([1, 2]),
    st.sampled_from(["normal", "laplace", "few", "ties", "tiny", "wide"]),
    st.integers(0, 2**32 - 1),
)
def test_payloads_are_equal(
    interpreter: Interpreter, sizes: tuple[int, ...], keep: int, bits: int, kind: str, seed: int
) -> None:
    size = sum(sizes)
    x, anchor = moved(kind, size, np.random.default_rng(seed))
    codec = SparseCodec(size, spans(sizes), bits=bits)  # type: ignore[arg-type]
    keep = min(keep, size)
    expected = codec.encode(x - anchor, keep / size)
    assert interpreter.call("encode", stops(sizes), bits, x - anchor, keep) == expected.hex()
    check_decoded(interpreter, sizes, codec, expected)


def check_decoded(
    interpreter: Interpreter, sizes: tuple[int, ...], codec: SparseCodec, payload: bytes
) -> None:
    """Both read the same, or both refuse it."""
    found = interpreter.call("decode", stops(sizes), payload, ENTRIES_MAX)
    try:
        delta = codec.decode(payload)
    except RemoteProtocolError:
        assert found is None
        return
    if delta.indices.size > ENTRIES_MAX:
        assert found is None
    else:
        values = delta.values.astype("<f4").tobytes().hex()
        assert found == [delta.indices.tolist(), values]


@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_not_sent(interpreter: Interpreter, poison: float) -> None:
    residual = np.zeros(7, np.float32)
    residual[3] = poison
    assert interpreter.call("encode", [7], 1, residual, 2) is None


@shared
@given(st.data())
def test_both_refuse_the_same_bytes(interpreter: Interpreter, data: st.DataObject) -> None:
    sizes = data.draw(st.sampled_from(WIDTHS))
    codec = SparseCodec(sum(sizes), spans(sizes), keep_ratio=0.2)
    payload = data.draw(st.binary(max_size=40))
    if data.draw(st.booleans()):
        rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
        residual = rng.normal(size=sum(sizes)).astype(np.float32)
        payload = codec.encode(residual, data.draw(st.floats(1e-3, 96 / max(96, sum(sizes)))))
        place = data.draw(st.integers(0, len(payload) - 1))
        payload = payload[:place] + data.draw(st.binary(max_size=2)) + payload[place + 1 :]
    check_decoded(interpreter, sizes, codec, payload)


def test_scales_are_equal(interpreter: Interpreter) -> None:
    assert interpreter.call("scale_bytes") == SCALES.astype("<f4").tobytes().hex()


def test_scale_codes_are_equal_on_both_sides_of_every_border(interpreter: Interpreter) -> None:
    below = BORDERS.astype(np.float32)
    below = np.where(below > BORDERS, np.nextafter(below, np.float32(0)), below)
    above = np.nextafter(below, np.float32(np.inf))
    assert interpreter.call("scale_codes", below) == list(range(255))
    assert interpreter.call("scale_codes", above) == list(range(1, 256))
