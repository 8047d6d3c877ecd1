"""Training in integers against its definition, to the bit, and against training in floats."""

import ctypes

import numpy as np
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.learning.sampling import Sampler
from gossipfl.learning.training import Trainer, TrainingSettings
from gossipfl.models.layers import Dense
from gossipfl.models.sequential import Sequential, perceptron
from tests.firmware import fixed_ref
from tests.firmware.conftest import Build
from tests.firmware.device import check_link, made_of, wire_for
from tests.firmware.library import SMALL, Firmware, Sizes
from tests.firmware.test_model import Step, rows_of, shared, train_in_c

FIXED = Sizes(layers=3, fixed=1)
FLOATS = st.floats(width=32)


@pytest.fixture(scope="session")
def integers(build: Build) -> Firmware:
    """The firmware with GFL_FIXED_POINT."""
    firmware = build(FIXED)
    firmware.c.gfl_to_fixed.argtypes = [ctypes.c_float, ctypes.c_int, ctypes.c_int32]
    firmware.c.gfl_from_fixed.restype = ctypes.c_float
    firmware.c.gfl_fixed_exp.restype = ctypes.c_uint32
    return firmware


def model_of(widths: tuple[int, ...]) -> Sequential:
    return Sequential(
        *perceptron(widths[1:-1]), Dense(widths[-1]), shape=widths[:1], loss="cross-entropy"
    )


@pytest.mark.parametrize("widths", [(5, 3), (64, 32, 10), (9, 7, 6, 4)])
@pytest.mark.parametrize(("scale", "rate"), [(1.0, 0.1), (300.0, 10.0), (1e-3, 2.0**-20)])
def test_steps_are_the_twins_to_the_bit(
    integers: Firmware, widths: tuple[int, ...], scale: float, rate: float
) -> None:
    """Also where everything leaves its range, and where next to nothing is left of it."""
    spec, rng = model_of(widths), np.random.default_rng(2)
    rows, x = rows_of(spec, 40, 1), spec.initial(3) * np.float32(scale)
    rows.features[:] *= scale
    expected = x.copy()
    for number in range(6):
        batch = rng.integers(0, 40, 1 + 3 * number)
        given = rows.features[batch], rows.targets[batch]
        loss = fixed_ref.step(expected, widths, *given, rate)
        assert train_in_c(integers, widths, x, rows, batch[np.newaxis], Step(rate, 0)) == loss
        np.testing.assert_array_equal(x.view(np.uint32), expected.view(np.uint32))


@pytest.mark.parametrize("widths", [(5, 3), (64, 32, 10)])
def test_twenty_steps_stay_near_those_in_floats(
    integers: Firmware, widths: tuple[int, ...]
) -> None:
    spec = model_of(widths)
    rows, x = rows_of(spec, 90, 1), spec.initial(3)
    chosen = TrainingSettings(learning_rate=0.1, momentum=0, batch_size=16, local_steps=20)
    fit = Trainer(spec, rows, None, chosen, seed=5).fit(x, np.zeros_like(x))
    batches = Sampler(len(rows), 5).draw(0, (20, 16))
    loss = train_in_c(integers, widths, x, rows, batches, Step(0.1, 0))
    assert np.linalg.norm(x - fit.parameters) <= 1e-4 * np.linalg.norm(fit.parameters)
    assert loss == pytest.approx(fit.loss, rel=1e-3)


@shared
@given(FLOATS, st.sampled_from([(24, 1 << 30), (16, 1 << 24)]))
def test_floats_to_integers(integers: Firmware, number: float, into: tuple[int, int]) -> None:
    expected = fixed_ref.to_fixed(np.array([number], np.float32), *into)[0]
    assert integers.c.gfl_to_fixed(number, *into) == expected


@shared
@given(st.integers(-(2**31), 2**31 - 1))
def test_integers_to_floats(integers: Firmware, number: int) -> None:
    expected = fixed_ref.from_fixed(np.array([number]), 24)[0]
    assert integers.c.gfl_from_fixed(ctypes.c_int32(number), 24) == expected


@shared
@given(st.integers(-(2**25), 0), st.integers(2**30, 2**46))
def test_powers_and_logarithms(integers: Firmware, x: int, total: int) -> None:
    power = integers.c.gfl_fixed_exp(ctypes.c_int32(x))
    assert power == fixed_ref.fixed_exp(x)
    assert power / 2**30 == pytest.approx(np.exp(x / 2**16), rel=3e-5, abs=2e-9)
    logarithm = integers.c.gfl_fixed_log(ctypes.c_uint64(total))
    assert logarithm == fixed_ref.fixed_log(total)
    assert logarithm / 2**16 == pytest.approx(np.log(total / 2**30), abs=4e-5)


def test_a_device_that_computes_in_integers_exchanges_as_any_other(build: Build) -> None:
    wire = wire_for(made_of(build(evolve(SMALL, fixed=1))), (5, 4, 3))
    wire.run_until(lambda look: look.exchanges == 25)
    check_link(wire)
    assert not wire.errors
