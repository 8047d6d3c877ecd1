"""NumPy with its own BLAS, one thread: perceptrons by hand, every array allocated once."""

import itertools

import numpy as np
from models import BATCH, Model

from rivals.task import MOMENTUM, RATE, Run, batches, best_product, rows


class Perceptron:
    """A model and its state."""

    def __init__(self, model: Model, hidden: int) -> None:
        rng = np.random.default_rng(0)
        self.features, self.classes = rows(model)
        inputs, outputs = model.inputs, model.classes
        widths = (inputs, hidden, outputs) if hidden else (inputs, outputs)
        sizes = [(o, i) for i, o in itertools.pairwise(widths)]
        count = sum(o * (i + 1) for o, i in sizes)
        self.flat, self.gradient, self.velocity, self.spare = np.zeros((4, count), np.float32)
        self.weights, self.biases = _views(self.flat, sizes)
        self.weight_gradients, self.bias_gradients = _views(self.gradient, sizes)
        for weights in self.weights:
            weights[:] = rng.normal(0, 0.1, weights.shape)
        self.values = [np.empty((BATCH, width), np.float32) for width in widths]
        self.errors = [np.empty((BATCH, width), np.float32) for width in widths]
        self.places = np.arange(BATCH)

    def run(self, steps: int) -> None:
        """Train."""
        for batch in batches(steps):
            self.step(batch)

    def step(self, batch: np.ndarray) -> None:
        """One step on the rows `batch`."""
        np.take(self.features, batch, axis=0, out=self.values[0], mode="clip")
        last = len(self.weights) - 1
        for layer, (weights, biases) in enumerate(zip(self.weights, self.biases, strict=True)):
            result = np.dot(self.values[layer], weights.T, out=self.values[layer + 1])
            result += biases
            if layer < last:
                np.maximum(result, 0, out=result)
        self._softmax(self.classes[batch])
        for layer in range(last, -1, -1):
            self._backward(layer)
        self.velocity *= np.float32(MOMENTUM)
        self.velocity += self.gradient
        np.multiply(self.velocity, np.float32(RATE), out=self.spare)
        self.flat -= self.spare

    def _softmax(self, classes: np.ndarray) -> None:
        error = self.errors[-1]
        np.subtract(self.values[-1], self.values[-1].max(1, keepdims=True), out=error)
        np.exp(error, out=error)
        error /= error.sum(1, keepdims=True)
        self.loss = -np.log(error[self.places, classes]).mean()
        error[self.places, classes] -= 1
        error /= BATCH

    def _backward(self, layer: int) -> None:
        error, source = self.errors[layer + 1], self.values[layer]
        np.dot(error.T, source, out=self.weight_gradients[layer])
        error.sum(0, out=self.bias_gradients[layer])
        if layer:
            np.dot(error, self.weights[layer], out=self.errors[layer])
            self.errors[layer] *= source > 0


def _views(flat: np.ndarray, sizes: list[tuple[int, int]]) -> tuple[list, list]:
    weights, biases, start = [], [], 0
    for outputs, inputs in sizes:
        weights.append(flat[start : start + outputs * inputs].reshape(outputs, inputs))
        start += outputs * inputs
        biases.append(flat[start : start + outputs])
        start += outputs
    return weights, biases


def make(model: Model) -> Run:
    """Only perceptrons."""
    return Perceptron(model, **model.sizes).run


def peak() -> float:
    """GFLOP/s of np.dot."""
    return best_product(lambda a, b, out: np.dot(a, b, out=out))
