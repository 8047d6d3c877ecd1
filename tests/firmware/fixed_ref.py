"""What training in integers does, in NumPy: the definition that fixed_step.c is held against."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]
PARAMETER, UNIT, ERROR, STEP = 24, 16, 20, 28
PARAMETER_LIMIT, UNIT_LIMIT, ERROR_LIMIT, STEP_LIMIT = 1 << 30, 1 << 24, 1 << 24, (1 << 31) - 1
ROOTS = [round(2**31 * 2 ** -(2.0**-k)) for k in range(1, 17)]
LOG2_E, LN_2 = round(np.log2(np.e) * 2**30), round(np.log(2) * 2**30)


def to_fixed(numbers: Floats, bits: int, limit: int) -> Integers:
    """Rounded, halves away from zero, and held within the limit."""
    numbers = np.where(np.isnan(numbers), 0, numbers).astype(np.float64)
    sizes = np.minimum(np.floor(np.abs(numbers) * 2.0**bits + 0.5), limit)
    return (np.sign(numbers) * sizes).astype(np.int64)


def from_fixed(fixed: Integers, bits: int) -> Floats:
    return (fixed.astype(np.float64) / 2.0**bits).astype(np.float32)


def rescale(numbers: Integers, bits: int, limit: int) -> Integers:
    return np.clip((numbers + (1 << (bits - 1))) >> bits, -limit, limit)


@frozen
class Factor:
    """mantissa / 2^shift."""

    mantissa: int
    shift: int


def factor_of(number: float, divisor: int) -> Factor:
    mantissa, exponent = np.frexp(np.float32(number))
    return Factor(int(float(mantissa) * 2**24) * 128 // divisor, 31 - int(exponent))


def fixed_exp(x: int) -> int:
    halvings, found = -x * LOG2_E >> 30, 1 << 30
    if halvings >> 16 > 30:
        return 0
    for k in range(16):
        if halvings >> (15 - k) & 1:
            found = found * ROOTS[k] >> 31
    return found >> (halvings >> 16)


def fixed_log(x: int) -> int:
    found = x.bit_length() - 31
    x >>= found
    for _ in range(16):
        x = x * x >> 30
        found, x = 2 * found + (x >> 31), x >> (x >> 31)
    return found * LN_2 >> 30


def cross_entropy(logits: Integers, truth: int) -> tuple[Integers, int]:
    """(errors, loss)."""
    most = int(logits.max())
    powers = [fixed_exp(int(logit) - most) for logit in logits]
    share = (1 << 62) // sum(powers)
    errors = rescale(np.array([power * share for power in powers]), 62 - ERROR, ERROR_LIMIT)
    errors[truth] -= 1 << ERROR
    return errors, fixed_log(sum(powers)) - (int(logits[truth]) - most)


@frozen
class Layer:
    """Views of one vector: weights [units, inputs] and biases."""

    weights: Integers
    biases: Integers


def layers_of(x: Integers, widths: Sequence[int]) -> list[Layer]:
    found, start = [], 0
    for inputs, units in pairwise(widths):
        middle, stop = start + inputs * units, start + (inputs + 1) * units
        found.append(Layer(x[start:middle].reshape(units, inputs), x[middle:stop]))
        start = stop
    return found


def look_at(
    layers: list[Layer], inputs: Integers, truth: int
) -> tuple[list[Integers], list[Integers], int]:
    """Activations of every layer from the inputs on, errors of every layer, and the loss."""
    activations = [inputs]
    for layer in layers:
        totals = layer.weights @ activations[-1] + (layer.biases << UNIT)
        units = rescale(totals, PARAMETER, UNIT_LIMIT)
        activations.append(units if layer is layers[-1] else np.maximum(units, 0))
    last, loss = cross_entropy(activations[-1], truth)
    errors = [last]
    for layer, below in zip(layers[:0:-1], activations[-2:0:-1], strict=True):
        totals = rescale(layer.weights.T @ errors[0], PARAMETER, ERROR_LIMIT)
        errors.insert(0, np.where(below > 0, totals, 0))
    return activations, errors, loss


def take(target: Integers, product: Integers, bits: int) -> None:
    target -= rescale(product, bits, STEP_LIMIT)
    np.clip(target, -PARAMETER_LIMIT, PARAMETER_LIMIT, out=target)


def step(
    x: Floats,
    widths: Sequence[int],
    features: Floats,
    classes: Integers,
    learning_rate: float,
) -> float:
    """One step of SGD in place on the rows given; returns the loss before it."""
    fixed = to_fixed(x, PARAMETER, PARAMETER_LIMIT)
    layers, rows = layers_of(fixed, widths), to_fixed(features, UNIT, UNIT_LIMIT)
    seen = [look_at(layers, row, int(truth)) for row, truth in zip(rows, classes, strict=True)]
    rate = factor_of(learning_rate, len(rows))
    for activations, errors, _ in seen:
        for layer, inputs, error in zip(layers, activations[:-1], errors, strict=True):
            scaled = rescale(error * rate.mantissa, rate.shift + ERROR - STEP, STEP_LIMIT)
            take(layer.weights, np.outer(scaled, inputs), STEP + UNIT - PARAMETER)
            take(layer.biases, scaled, STEP - PARAMETER)
    x[:] = from_fixed(fixed, PARAMETER)
    return float(from_fixed(np.int64(sum(loss for *_, loss in seen) // len(rows)), UNIT))
