"""Training on the device against the kernels of every other node."""

import ctypes

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gossipfl.data.dataset import Dataset
from gossipfl.learning.sampling import Sampler
from gossipfl.learning.training import Trainer, TrainingSettings
from gossipfl.models.layers import Dense
from gossipfl.models.sequential import Sequential, perceptron
from tests.firmware.conftest import Build
from tests.firmware.library import Firmware, Floats, Sizes, pointer

shared = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
READ = ctypes.CFUNCTYPE(
    ctypes.c_uint16, ctypes.c_void_p, ctypes.c_uint32, ctypes.POINTER(ctypes.c_float)
)


class Samples(ctypes.Structure):
    _fields_ = (
        ("count", ctypes.c_uint32),
        ("inputs", ctypes.c_uint16),
        ("classes", ctypes.c_uint16),
        ("read", READ),
        ("context", ctypes.c_void_p),
    )


class Step(ctypes.Structure):
    _fields_ = (
        ("learning_rate", ctypes.c_float),
        ("momentum", ctypes.c_float),
    )


def rows_of(spec: Sequential, count: int, seed: int) -> Dataset:
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(count, spec.inputs)).astype(np.float32)
    targets = rng.integers(0, spec.outputs, count)
    names = tuple(f"x{i}" for i in range(spec.inputs))
    return Dataset(features=features, targets=targets, columns=names, source="test")


def train_in_c(
    firmware: Firmware,
    widths: tuple[int, ...],
    x: Floats,
    rows: Dataset,
    batches: np.ndarray,
    step: Step,
) -> float:
    def read(_: object, place: int, features: "ctypes._Pointer[ctypes.c_float]") -> int:
        for i, value in enumerate(rows.features[place]):
            features[i] = value
        return int(rows.targets[place])

    samples = Samples(len(rows), widths[0], widths[-1], READ(read), None)
    model, workspace = firmware.model(*widths), firmware.Workspace()
    losses = [
        firmware.c.gfl_model_step(
            ctypes.byref(model),
            pointer(x),
            ctypes.byref(samples),
            (ctypes.c_uint32 * len(batch))(*batch.tolist()),
            len(batch),
            ctypes.byref(step),
            ctypes.byref(workspace),
        )
        for batch in batches
    ]
    return float(np.mean(losses))


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("widths", [(5, 3), (64, 32, 10), (9, 7, 6, 4)])
def test_twenty_steps_agree_with_the_kernels(
    build: Build, widths: tuple[int, ...], momentum: float
) -> None:
    firmware = build(Sizes(layers=3, momentum=1 if momentum else 0))
    spec = Sequential(
        *perceptron(widths[1:-1]), Dense(widths[-1]), shape=widths[:1], loss="cross-entropy"
    )
    rows, x = rows_of(spec, 90, 1), spec.initial(3)
    chosen = TrainingSettings(learning_rate=0.1, momentum=momentum, batch_size=16, local_steps=20)
    fit = Trainer(spec, rows, None, chosen, seed=5).fit(x, np.zeros_like(x))
    batches = Sampler(len(rows), 5).draw(0, (20, 16))
    loss = train_in_c(firmware, widths, x, rows, batches, Step(0.1, momentum))
    assert np.linalg.norm(x - fit.parameters) <= 1e-6 * np.linalg.norm(fit.parameters)
    np.testing.assert_allclose(x, fit.parameters, rtol=1e-5, atol=1e-6)
    assert loss == pytest.approx(fit.loss, rel=1e-5)


@shared
@given(st.floats(-87, 88, width=32))
def test_the_exponential(firmware: Firmware, x: float) -> None:
    assert firmware.c.gfl_exp(x) == pytest.approx(float(np.exp(np.float64(x))), rel=2.5e-7)


@shared
@given(st.floats(2.0**-126, 2.0**127, width=32))
def test_logarithm(firmware: Firmware, x: float) -> None:
    assert firmware.c.gfl_log(x) == pytest.approx(float(np.log(x)), rel=3e-7, abs=3e-7)


def test_edges_of_the_exponential(firmware: Firmware) -> None:
    found = [firmware.c.gfl_exp(x) for x in (-np.inf, -88.0, np.inf, np.nan)]
    assert found[:3] == [0.0, 0.0, np.inf]
    assert np.isnan(found[3])


@pytest.mark.parametrize(
    ("widths", "fits"),
    [
        ((64, 32, 10), True),
        ((64, 10), True),
        ((64, 33, 10), False),  # units
        ((65, 10), False),
        ((64, 1), False),
        ((64, 0, 10), False),
        ((), False),
    ],
)
def test_models_too_large_are_known(
    firmware: Firmware, widths: tuple[int, ...], fits: bool
) -> None:
    model = firmware.Model() if not widths else firmware.model(*widths)
    assert firmware.c.gfl_model_fits(ctypes.byref(model)) is fits


def test_this_machines_arithmetic_is_exact(firmware: Firmware) -> None:
    firmware.c.gfl_arithmetic_is_exact.restype = ctypes.c_bool
    assert firmware.c.gfl_arithmetic_is_exact()
