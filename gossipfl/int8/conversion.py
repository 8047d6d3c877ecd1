"""From a model that was trained with rounding to the integers that it was trained for."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gossipfl.int8.inference import SHIFT_MAX, SUM_MAX, Int8Model
from gossipfl.int8.stages import Stage, stages_of
from gossipfl.kernels import layout
from gossipfl.kernels.fake_quantisation_ref import step_of, weight_codes
from gossipfl.models.layers import FakeQuantise
from gossipfl.models.sequential import Sequential

Floats = NDArray[np.float32]
Exact = NDArray[np.float64]


def to_int8(spec: Sequential, parameters: Floats) -> Int8Model:
    """The integers of finite parameters f32[d].  Raises ConfigError for a model of another kind."""
    stages, tensors = stages_of(spec), _tensors(spec, parameters)
    exponents = [
        step_of(tensors[place][0][0], layer.signed)
        for place, layer in enumerate(spec.layers)
        if isinstance(layer, FakeQuantise)
    ]
    steps = iter(exponents)
    step = next(steps)
    arrays: dict[str, NDArray[Any]] = {"step": np.array([step], "<f4")}
    for number, stage in enumerate(stages.stages):
        if not stage.computes:
            continue
        sums = _sums(arrays, number, stage, float(step), tensors[stage.place])
        if stage.codes is None:
            least = np.finfo(np.float32).tiny
            arrays[f"steps{number}"] = np.maximum(sums, least).astype("<f4")
        else:
            step = next(steps)
            multipliers, shifts = rescaling(sums / float(step))
            arrays[f"multipliers{number}"], arrays[f"shifts{number}"] = multipliers, shifts
    return Int8Model(spec, arrays)


def _tensors(spec: Sequential, parameters: Floats) -> list[list[Floats]]:
    """Of each layer."""
    found, start = [], 0
    for bound in spec.bound:
        own = []
        for tensor in bound.tensors:
            own.append(parameters[start : start + tensor.size])
            start += tensor.size
        found.append(own)
    return found


def _sums(
    arrays: dict[str, NDArray[Any]], number: int, stage: Stage, step: float, own: list[Floats]
) -> Exact:
    """Add the stage's integers; what one unit of its sums is worth, f64[steps]."""
    if stage.kind == layout.AVERAGE_POOL:
        return np.array([step / math.prod(stage.kernel)])
    weights, biases, steps = weight_codes(own[0].reshape(-1, stage.taps), own[1], np.float32(step))
    arrays[f"weights{number}"] = weights.astype("i1")
    arrays[f"biases{number}"] = biases.astype("<i4")
    worth: Exact = step * steps.astype(np.float64)
    return worth


def rescaling(factors: Exact) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """(multipliers, shifts), so that multiplier / 2**shift is the factor, within 2**-31 of it.

    factors: f64, above 0.  Those that make every sum a code beyond the last, or none, are cut.
    """
    fractions, exponents = np.frexp(factors)
    multipliers = np.rint(fractions * 2.0**31).astype(np.int64)
    exponents = exponents + (multipliers > SUM_MAX)
    multipliers = np.where(multipliers > SUM_MAX, 2**30, multipliers)
    shifts = 31 - exponents.astype(np.int64)
    multipliers = np.where(shifts < 1, SUM_MAX, np.where(shifts > SHIFT_MAX, 0, multipliers))
    return multipliers.astype("<i4"), np.clip(shifts, 1, SHIFT_MAX).astype("u1")
