"""The product's trainer, through its public interface."""

import numpy as np
from models import BATCH, Model

from gossipfl.data.dataset import Dataset
from gossipfl.kernels import kinds, layout
from gossipfl.learning.training import Trainer, TrainingSettings
from gossipfl.models.layers import (
    GRU,
    Conv2D,
    Dense,
    FastGRNN,
    GlobalAverage,
    Layer,
    MaxPool2D,
    Positions,
    ReLU,
    TransformerBlock,
)
from gossipfl.models.quantised import quantised
from gossipfl.models.sequential import Sequential
from rivals.task import MOMENTUM, RATE, Run, best_product, rows


def perceptron(hidden: int) -> list[Layer]:
    return [Dense(hidden), ReLU()] if hidden else []


def gru(hidden: int) -> list[Layer]:
    return [GRU(hidden)]


def fastgrnn(hidden: int) -> list[Layer]:
    return [FastGRNN(hidden)]


def transformer(width: int, heads: int, hidden: int) -> list[Layer]:
    return [
        *(Dense(width, each=True), Positions()),
        *(TransformerBlock(heads, hidden), GlobalAverage()),
    ]


def convolutional(kernel: int, first: int, second: int) -> list[Layer]:
    return [
        *(Conv2D(first, kernel), MaxPool2D(2), ReLU()),
        *(Conv2D(second, kernel), MaxPool2D(2), ReLU()),
    ]


FAMILIES = {
    "perceptron": perceptron,
    "gru": gru,
    "fastgrnn": fastgrnn,
    "convolutional": convolutional,
    "transformer": transformer,
}


def make(model: Model, *, rounded: bool = False) -> Run:
    """A Trainer for every number of steps that is asked for; `rounded` trains for int8."""
    features, classes = rows(model)
    names = tuple(f"x{i}" for i in range(model.inputs))
    dataset = Dataset(features=features, targets=classes, columns=names, source="benchmark")
    layers = (*FAMILIES[model.family](**model.sizes), Dense(model.classes))
    if rounded:
        layers = quantised(layers)
    spec = Sequential(*layers, shape=model.shape, loss="cross-entropy")
    parameters, zeros = spec.initial(0), np.zeros(spec.parameters, np.float32)
    trainers: dict[int, Trainer] = {}

    def run(steps: int) -> None:
        if steps not in trainers:
            settings = TrainingSettings(
                learning_rate=RATE, momentum=MOMENTUM, batch_size=BATCH, local_steps=steps
            )
            trainers[steps] = Trainer(spec, dataset, None, settings, seed=0)
        trainers[steps].fit(parameters, zeros)

    return run


def peak() -> float:
    """GFLOP/s of the tiles."""

    def multiply(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
        size = len(a)
        kinds.SHARED[layout.MULTIPLY](a, size, 1, b, size, out, size, size, size, size, 0)

    return best_product(multiply)
