"""The firmware's payloads are those of gossipfl.compression, byte for byte."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gossipfl.compression import SparseCodec
from gossipfl.compression.scales import BORDERS, SCALES
from gossipfl.errors import RemoteProtocolError
from tests.firmware.library import Firmware, Floats

shared = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
WIDTHS = ((7,), (1, 1), (30, 2, 40, 4), (2048, 32, 320, 10))


def spans(sizes: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    stops = np.cumsum(sizes).tolist()
    return tuple(zip([0, *stops[:-1]], stops, strict=True))


def moved(kind: str, size: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """A model and its anchor, which differ by a step of this kind."""
    anchor = rng.normal(0, 0.3, size).astype(np.float32)
    step = {
        "normal": rng.normal(0, 0.01, size),
        "laplace": rng.laplace(0, 0.01, size),
        "few": rng.normal(0, 1, size) * (rng.random(size) < 0.01),
        "ties": rng.choice([-0.5, 0.0, 0.5], size),
        "tiny": rng.normal(0, 1e-7, size),
        "wide": rng.normal(0, 1, size) * 10.0 ** rng.uniform(-6, 6, size),
    }[kind]
    return anchor + step.astype(np.float32), anchor


@shared
@given(
    st.sampled_from(WIDTHS),
    st.integers(1, 96),
    st.sampled_from([1, 2]),
    st.sampled_from(["normal", "laplace", "few", "ties", "tiny"]),
    st.integers(0, 2**32 - 1),
)
def test_payloads_are_equal(
    firmware: Firmware, sizes: tuple[int, ...], keep: int, bits: int, kind: str, seed: int
) -> None:
    size = sum(sizes)
    x, anchor = moved(kind, size, np.random.default_rng(seed))
    codec = SparseCodec(size, spans(sizes), bits=bits)  # type: ignore[arg-type]
    keep = min(keep, size)
    expected = codec.encode(x - anchor, keep / size)
    tensors = firmware.tensors(*np.cumsum(sizes).tolist())
    assert firmware.encode(tensors, x - anchor, keep, bits) == expected
    decoded, delta = firmware.decode(tensors, expected), codec.decode(expected)
    assert decoded == (delta.indices.tolist(), delta.values.tolist())


@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_not_sent(firmware: Firmware, poison: float) -> None:
    residual = np.zeros(7, np.float32)
    residual[3] = poison
    assert firmware.encode(firmware.tensors(7), residual, 2, 1) is None


@shared
@given(st.data())
def test_both_refuse_the_same_bytes(firmware: Firmware, data: st.DataObject) -> None:
    sizes = data.draw(st.sampled_from(WIDTHS))
    codec = SparseCodec(sum(sizes), spans(sizes), keep_ratio=0.2)
    payload = data.draw(st.binary(max_size=40))
    if data.draw(st.booleans()):
        rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
        residual = rng.normal(size=sum(sizes)).astype(np.float32)
        payload = codec.encode(residual, data.draw(st.floats(1e-3, 96 / max(96, sum(sizes)))))
        place = data.draw(st.integers(0, len(payload) - 1))
        payload = payload[:place] + data.draw(st.binary(max_size=2)) + payload[place + 1 :]
    found = firmware.decode(firmware.tensors(*np.cumsum(sizes).tolist()), payload)
    try:
        delta = codec.decode(payload)
    except RemoteProtocolError:
        assert found is None
    else:
        if delta.indices.size > firmware.sizes.entries:
            assert found is None
        else:
            assert found == (delta.indices.tolist(), delta.values.tolist())


def test_scales_are_equal(firmware: Firmware) -> None:
    assert [firmware.c.gfl_scale(code) for code in range(256)] == SCALES.tolist()
    for place, border in enumerate(BORDERS):
        assert firmware.c.gfl_scale_code(border) == place
        assert firmware.c.gfl_scale_code(np.nextafter(border, np.inf)) == place + 1
