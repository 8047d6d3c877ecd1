"""Steps of SGD on the cross-entropy of one batch.

Activations and errors of the batch are kept, and each sample's gradient added to the parameters at
once, so no vector of the model's length is needed.  Sums are of whatever precision this build has:
what a step makes is the device's own.
"""

import math

from gossipfl_device.model import Model
from gossipfl_device.numbers import Vector, zeros
from gossipfl_device.rows import Rows


class Trainer:
    """One model's working memory.  batch: samples of a step, at most."""

    def __init__(self, model: Model, batch: int) -> None:
        self._model = model
        self._features = zeros(model.widths[0])
        self._units = [zeros(model.units) for _ in range(batch)]
        self._errors = [zeros(model.units) for _ in range(batch)]

    def step(
        self,
        x: Vector[float],
        rows: Rows,
        places: list[int],
        learning_rate: float,
    ) -> float:
        """One step on the samples at `places`; returns the loss before it."""
        loss = 0.0
        for row, place in enumerate(places):
            truth = rows.read(place, self._features)
            loss += self._look_at(x, truth, row)
        rate = -learning_rate / len(places)
        for row, place in enumerate(places):
            rows.read(place, self._features)
            self._add_gradient(x, row, rate)
        return loss / len(places)

    def classify(self, x: Vector[float], features: Vector[float]) -> Vector[float]:
        """The logits of a sample."""
        self._model.forward(x, features, self._units[0])
        return self._units[0][self._model.units - self._model.widths[-1] :]

    def _look_at(self, x: Vector[float], truth: int, row: int) -> float:
        """One sample's activations and errors, before any parameter changes."""
        model, units, errors = self._model, self._units[row], self._errors[row]
        model.forward(x, self._features, units)
        start = model.units - model.widths[-1]
        loss = _cross_entropy(units, start, truth, errors)
        for layer in range(len(model.widths) - 2, 0, -1):
            weights = model.stops[2 * layer - 1]
            width, count = model.widths[layer : layer + 2]
            _backward(x, weights, width, count, start, units, errors)
            start -= width
        return loss

    def _add_gradient(self, x: Vector[float], row: int, rate: float) -> None:
        widths, inputs, errors = self._model.widths, self._features, self._errors[row]
        start = place = base = 0
        for layer in range(len(widths) - 1):
            width, count = widths[layer], widths[layer + 1]
            biases = place + width * count
            for unit in range(count):
                error = rate * errors[start + unit]
                if error:
                    for i in range(width):
                        x[place + i] += error * inputs[base + i]
                x[biases + unit] += error
                place += width
            place, base, inputs = place + count, start, self._units[row]
            start += count


def _cross_entropy(units: Vector[float], start: int, truth: int, errors: Vector[float]) -> float:
    """Softmax minus the truth, as errors of the last layer; returns -log softmax of the truth."""
    most, total = max(units[start:]), 0.0
    for i in range(start, len(units)):
        errors[i] = math.exp(units[i] - most)
        total += errors[i]
    for i in range(start, len(units)):
        errors[i] /= total
    errors[start + truth] -= 1
    return math.log(total) - (units[start + truth] - most)


def _backward(
    x: Vector[float],
    weights: int,
    width: int,
    count: int,
    start: int,
    units: Vector[float],
    errors: Vector[float],
) -> None:
    """Errors of the layer below, of `width` units, through weights and ReLU."""
    for i in range(width):
        total = 0.0
        if units[start - width + i] > 0:
            for unit in range(count):
                total += errors[start + unit] * x[weights + unit * width + i]
        errors[start - width + i] = total
