"""One trainer in a process of its own: `rivals.py gossipfl|torch|numpy` reads lines
"KIND TIMES INPUTS HIDDEN OUTPUTS STEPS" and answers each with CPU seconds per step.

KIND is mlp (with HIDDEN 0, no hidden layer; TIMES is 1), or gru or fastgrnn, whose rows are windows
of TIMES steps of INPUTS channels; NumPy knows only mlp.

Everybody draws a new order of the rows every epoch, gathers batches of 32, and makes SGD steps with
momentum on the cross-entropy.  The line "peak" is answered with GFLOP/s of the best matrix product.
"""

import itertools
import sys
import time
from collections.abc import Callable

import numpy as np

Run = Callable[[int], None]
ROWS, BATCH, RATE, MOMENTUM = 2048, 32, 0.01, 0.9


def main() -> None:
    """Answer until the input ends."""
    make = {"gossipfl": make_gossipfl, "torch": make_torch, "numpy": make_numpy}[sys.argv[1]]
    made: dict[str, Run] = {}
    for line in sys.stdin:
        if line.strip() == "peak":
            print(peak(), flush=True)
            continue
        shape, _, count = line.rpartition(" ")
        steps = int(count)
        if shape not in made:
            kind, *sizes = shape.split()
            made[shape] = make(kind, *map(int, sizes))
            made[shape](steps)  # first calls compile and allocate
        start = time.process_time()
        made[shape](steps)
        print((time.process_time() - start) / steps, flush=True)


def rows(inputs: int, outputs: int) -> tuple[np.ndarray, np.ndarray]:
    """Features f32[ROWS, inputs] and classes i64[ROWS]."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(ROWS, inputs)).astype(np.float32)
    return features, rng.integers(0, outputs, ROWS)


def make_gossipfl(kind: str, times: int, inputs: int, hidden: int, outputs: int) -> Run:
    """The product's trainer, through its public interface."""
    from gossipfl.learning.dataset import Dataset
    from gossipfl.learning.layers import GRU, Dense, FastGRNN, ReLU
    from gossipfl.learning.sequential import Sequential
    from gossipfl.learning.training import Trainer, TrainingSettings

    features, classes = rows(times * inputs, outputs)
    names = tuple(f"x{i}" for i in range(times * inputs))
    dataset = Dataset(features=features, targets=classes, columns=names, source="benchmark")
    recurrent = {"gru": GRU, "fastgrnn": FastGRNN}
    first = [recurrent[kind](hidden)] if kind != "mlp" else [Dense(hidden), ReLU()][: 2 * hidden]
    shape = (inputs,) if kind == "mlp" else (times, inputs)
    spec = Sequential(*first, Dense(outputs), shape=shape, loss="cross-entropy")
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


def make_torch(kind: str, times: int, inputs: int, hidden: int, outputs: int) -> Run:
    """PyTorch, eager, one thread."""
    import torch
    from torch import nn

    torch.set_num_threads(1)
    features, classes = map(torch.from_numpy, rows(times * inputs, outputs))
    if kind != "mlp":
        features = features.reshape(ROWS, times, inputs)
        model = _recurrent(kind, inputs, hidden, outputs)
    elif hidden:
        model = nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, outputs))
    else:
        model = nn.Linear(inputs, outputs)
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=MOMENTUM, fused=True)
    loss = nn.CrossEntropyLoss()

    def run(steps: int) -> None:
        for step in range(steps):
            start = step * BATCH % ROWS
            if start == 0:
                order = torch.randperm(ROWS)
            batch = order[start : start + BATCH]
            optimizer.zero_grad(set_to_none=True)
            loss(model(features[batch]), classes[batch]).backward()
            optimizer.step()

    return run


def _recurrent(kind: str, inputs: int, hidden: int, outputs: int):
    import torch
    from torch import nn

    class FastGRNN(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w, self.u = nn.Linear(inputs, hidden, False), nn.Linear(hidden, hidden, False)
            self.biases = nn.Parameter(torch.ones(2, hidden))
            self.scalars = nn.Parameter(torch.tensor([1.0, -4.0]))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            into, state = self.w(x), x.new_zeros(len(x), hidden)
            zeta, nu = torch.sigmoid(self.scalars)
            for t in range(x.shape[1]):
                both = into[:, t] + self.u(state)
                z, c = torch.sigmoid(both + self.biases[0]), torch.tanh(both + self.biases[1])
                state = (zeta * (1 - z) + nu) * c + z * state
            return state

    class Classifier(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            gru = kind == "gru"
            self.layer = nn.GRU(inputs, hidden, batch_first=True) if gru else FastGRNN()
            self.last = nn.Linear(hidden, outputs)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            found = self.layer(x)
            return self.last(found[0][:, -1] if kind == "gru" else found)

    return Classifier()


class NumpyModel:
    """The same model by hand, every array allocated once."""

    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        rng = np.random.default_rng(0)
        self.features, self.classes = rows(inputs, outputs)
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
        for step in range(steps):
            start = step * BATCH % ROWS
            if start == 0:
                order = np.random.permutation(ROWS)
            self.step(order[start : start + BATCH])

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


def make_numpy(kind: str, times: int, inputs: int, hidden: int, outputs: int) -> Run:
    """NumPy with its own BLAS, one thread."""
    return NumpyModel(inputs, hidden, outputs).run


def peak(size: int = 512) -> float:
    """GFLOP/s of NumPy's product of large square matrices, which its BLAS is tuned for."""
    a, b, out = np.ones((3, size, size), np.float32)
    best = np.inf
    for _ in range(8):
        start = time.process_time()
        np.dot(a, b, out=out)
        best = min(best, time.process_time() - start)
    return 2 * size**3 / best / 1e9


if __name__ == "__main__":
    main()
