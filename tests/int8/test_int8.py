"""Int8 models: beside what they stand for, beside arithmetic in plain integers, and as bytes."""

import math

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gossipfl.errors import ConfigError, StateError
from gossipfl.int8.conversion import rescaling, to_int8
from gossipfl.int8.inference import Int8Model, decode_int8, quantise, requantise
from gossipfl.kernels import layout
from gossipfl.learning.execution import predict
from gossipfl.models.layers import (
    AveragePool1D,
    AveragePool2D,
    Conv1D,
    Conv2D,
    Dense,
    Dropout,
    GlobalAverage,
    MaxPool1D,
    MaxPool2D,
    ReLU,
)
from gossipfl.models.quantised import quantised
from gossipfl.models.sequential import Sequential

ARCHITECTURES = [
    ([Dense(3)], (7,)),
    ([Dense(12), ReLU(), Dense(4)], (6,)),
    ([Dense(8), Dropout(0.5), Dense(5, each=True), ReLU(), Dense(2)], (3, 4)),
    ([Dense(5, each=True), ReLU(), GlobalAverage(), Dense(3)], (6, 4)),
    (
        [
            *(Conv2D(4, 3), ReLU(), MaxPool2D(2), Conv2D(5, 2, stride=2), ReLU()),
            *(AveragePool2D(2), Dense(3)),
        ],
        (9, 10, 2),
    ),
    ([Conv1D(4, 5, stride=3), MaxPool1D(2), ReLU(), Conv1D(3, 2, padding="valid")], (20, 2)),
    ([ReLU(), MaxPool2D(2), Conv2D(3, 3, padding="valid"), GlobalAverage()], (10, 8, 1)),
    ([AveragePool1D(3), Dense(6), Dense(2)], (10, 2)),
]


def model(layers, shape):
    return Sequential(*quantised(layers), shape=shape, loss="squared-error")


@st.composite
def trained(draw):
    """(model, parameters as after some training, features)."""
    spec = model(*draw(st.sampled_from(ARCHITECTURES)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    parameters = spec.initial(int(rng.integers(2**32)))
    for name, start, stop in spec.tensors:
        spread = 0.3 if name[0] in "bs" else 0.1 * np.abs(parameters[start:stop]).max()
        parameters[start:stop] += rng.normal(0, spread, stop - start).astype(np.float32)
    if draw(st.booleans()):  # an output without weights
        parameters[spec.tensors[1][1] :][: spec.tensors[1][2] - spec.tensors[1][1]] = 0
    features = rng.normal(0, draw(st.sampled_from([0.5, 1, 5])), (9, spec.inputs))
    return spec, parameters, features.astype(np.float32)


def last_step(spec, integers):
    """How far one code of the last stage's inputs moves an output, at most."""
    number = len(integers.stages.stages) - 1
    stage = integers.stages.stages[number]
    if stage.kind == layout.AVERAGE_POOL:
        return integers.arrays[f"steps{number}"][0]
    weights = np.abs(integers.arrays[f"weights{number}"].astype(int)).max(1)
    return np.tile(weights * integers.arrays[f"steps{number}"], math.prod(stage.result[:2]))


@given(trained())
@settings(max_examples=60)
def test_outputs_are_those_of_the_trained_model_within_a_step(case):
    spec, parameters, features = case
    integers = to_int8(spec, parameters)
    ours, theirs = integers.outputs(features), predict(spec, parameters, features)
    step = last_step(spec, integers)
    size = np.abs(theirs).max()
    assert (np.abs(ours - theirs) <= 1.01 * step + 1e-5 * size).all()
    # Most are the same but for float32: a code differs only where a sum lay between two.
    assert (np.abs(ours - theirs) <= 1e-5 * size).mean() > 0.8
    first, second = (np.sort(theirs, 1)[:, -k] for k in (1, min(2, theirs.shape[1])))
    clear = first - second > 2.02 * np.max(step) + 2e-5 * size
    assert (ours.argmax(1) == theirs.argmax(1))[clear].all()


def plain_sums(codes, stage, weights, biases):
    """Sums as a loop over integers makes them, which must fit into 32 bits at every addition."""
    (height, width, channels), (down, across, count) = stage.image, stage.result
    sums = []
    tops = [
        max((stage.result[i] - 1) * stage.stride[i] + stage.kernel[i] - stage.image[i], 0) // 2
        for i in range(2)
    ]
    for y in range(down):
        for x in range(across):
            for f in range(count):
                total = biases[f]
                taps = [
                    (i, j, c)
                    for i in range(stage.kernel[0])
                    for j in range(stage.kernel[1])
                    for c in (range(channels) if stage.kind == layout.CONVOLUTION else [f])
                ]
                for tap, (i, j, c) in enumerate(taps):
                    v, h = y * stage.stride[0] + i - tops[0], x * stage.stride[1] + j - tops[1]
                    if 0 <= v < height and 0 <= h < width:
                        code = codes[(v * width + h) * channels + c]
                        total += code * (weights[f][tap] if weights else 1)
                        assert -(2**31) <= total < 2**31
                sums.append(total)
    return sums


def plain_outputs(integers, codes):
    """Of one example, from the codes of its inputs, without NumPy."""
    for number, stage in enumerate(integers.stages.stages):
        own = {
            name.rstrip("0123456789"): array.tolist()
            for name, array in integers.arrays.items()
            if name.endswith(str(number))
        }
        if stage.kind == layout.MAX_POOL:
            (_, width, channels), (down, across, _) = stage.image, stage.result
            (high, wide) = stage.kernel
            codes = [
                max(
                    codes[((y * high + i) * width + x * wide + j) * channels + c]
                    for i in range(high)
                    for j in range(wide)
                )
                for y in range(down)
                for x in range(across)
                for c in range(channels)
            ]
            continue
        count = stage.result[2]
        sums = plain_sums(codes, stage, own.get("weights"), own.get("biases", [0] * count))
        if stage.codes is None:
            steps = np.resize(np.array(own["steps"], np.float32), count)
            return [np.float32(s) * steps[k % count] for k, s in enumerate(sums)]
        codes = []
        for k, total in enumerate(sums):
            place = k % count if len(own["shifts"]) > 1 else 0
            shift = own["shifts"][place]
            rounded = (total * own["multipliers"][place] + (1 << (shift - 1))) >> shift
            codes.append(min(max(rounded, stage.codes[0]), stage.codes[1]))
    raise AssertionError


@given(st.sampled_from(ARCHITECTURES), st.integers(0, 2**32 - 1))
@settings(max_examples=40)
def test_arithmetic_is_that_of_plain_integers_for_any_integers(architecture, seed):
    spec, rng = model(*architecture), np.random.default_rng(seed)
    integers = to_int8(spec, spec.initial(0))
    arrays = {"step": np.array([rng.uniform(0.01, 1)], "<f4")}
    for name, kind, shape in integers.stages.arrays()[1:]:
        if kind == "<f4":
            arrays[name] = rng.uniform(1e-6, 1, shape).astype(kind)
        else:
            low, high = {"i1": (-128, 128), "u1": (1, 63)}.get(kind, (-(2**30), 2**30))
            low = 0 if name.startswith("multipliers") else low
            arrays[name] = rng.integers(low, high, shape).astype(kind)
    integers = Int8Model(spec, arrays)
    features = rng.normal(0, 5, (2, spec.inputs)).astype(np.float32)
    features[0, 0] = rng.choice([np.nan, np.inf, -np.inf, 3e38])
    codes = quantise(features, arrays["step"][0], integers.stages.codes)
    for example, outputs in zip(codes.tolist(), integers.outputs(features), strict=True):
        np.testing.assert_array_equal(outputs, plain_outputs(integers, example))


@given(st.floats(1e-30, 1e30), st.integers(-(2**31) + 1, 2**31 - 1))
def test_multiplier_and_shift_are_the_factor(factor, total):
    multipliers, shifts = rescaling(np.array([factor]))
    (code,) = requantise(np.array([total], np.int64), multipliers, shifts, (-127, 127))
    exact = total * factor
    assert abs(code - min(max(exact, -127), 127)) <= 0.5 + 127 * 2.0**-30


def test_halves_go_upwards():
    multipliers, shifts = rescaling(np.array([0.5]))
    sums = np.array([-5, -4, -3, -1, 0, 1, 3, 5], np.int64)
    found = requantise(sums, multipliers, shifts, (-127, 127))
    assert found.tolist() == [-2, -2, -1, 0, 0, 1, 2, 3]


INTEGERS = to_int8(model(*ARCHITECTURES[1]), model(*ARCHITECTURES[1]).initial(3))


def test_bytes_read_back():
    content = INTEGERS.encode()
    assert len(content) == INTEGERS.size == 4 + 6 * 12 + 12 * (4 + 4 + 1) + 12 * 4 + 4 * (4 + 4)
    again = decode_int8(INTEGERS.spec, content)
    features = np.random.default_rng(0).normal(size=(5, 6)).astype(np.float32)
    np.testing.assert_array_equal(again.outputs(features), INTEGERS.outputs(features))
    assert again.encode() == content


@pytest.mark.parametrize("change", [-1, 1])
def test_bytes_of_another_length_are_refused(change):
    content = INTEGERS.encode() + b"\0"
    with pytest.raises(StateError, match="another length"):
        decode_int8(INTEGERS.spec, content[: len(content) - 1 + change])


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("step", 0.0, "its step is no positive number"),
        ("step", math.nan, "its step is no positive number"),
        ("biases0", 2**31 - 1, "stage 0 is out of range"),
        ("biases0", -(2**31), "stage 0 is out of range"),
        ("shifts0", 0, "stage 0 is out of range"),
        ("shifts0", 63, "stage 0 is out of range"),
        ("multipliers0", -1, "stage 0 is out of range"),
        ("steps1", math.inf, "stage 1 is out of range"),
        ("steps1", -1.0, "stage 1 is out of range"),
    ],
)
def test_integers_that_overflow_are_refused(name, value, said):
    arrays = {key: array.copy() for key, array in INTEGERS.arrays.items()}
    arrays[name][-1] = value
    with pytest.raises(StateError, match=said):
        Int8Model(INTEGERS.spec, arrays)


def test_arrays_of_other_layers_are_refused():
    for name, array in INTEGERS.arrays.items():
        for changed in (array[:-1], array.astype(np.int64), None):
            arrays = {**INTEGERS.arrays, name: changed}
            with pytest.raises(StateError, match=f"{name} does not suit"):
                Int8Model(INTEGERS.spec, arrays)


@given(st.binary(min_size=INTEGERS.size, max_size=INTEGERS.size))
def test_any_bytes_are_a_model_that_runs_or_refused(content):
    features = np.zeros((1, 6), np.float32)
    try:
        found = decode_int8(INTEGERS.spec, content)
    except StateError:
        return
    assert np.isfinite(found.outputs(features)).all()


def test_models_of_floats_are_refused():
    spec = Sequential(Dense(2), shape=(3,), loss="cross-entropy")
    with pytest.raises(ConfigError, match='trained with quantise = "int8"'):
        to_int8(spec, spec.initial(0))


def test_many_rows_go_through_in_blocks(monkeypatch):
    features = np.random.default_rng(0).normal(size=(7, 6)).astype(np.float32)
    whole = INTEGERS.outputs(features)
    monkeypatch.setattr("gossipfl.int8.inference.BLOCK", 150)
    np.testing.assert_array_equal(attrs.evolve(INTEGERS).outputs(features), whole)
    assert INTEGERS.outputs(features[:0]).shape == (0, 4)
