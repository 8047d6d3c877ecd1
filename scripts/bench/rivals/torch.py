"""PyTorch, eager, one thread."""

import torch
from models import BATCH, Model
from torch import nn

from rivals.task import MOMENTUM, RATE, ROWS, Run, rows


def perceptron(shape: tuple[int, ...], classes: int, hidden: int) -> nn.Module:
    if not hidden:
        return nn.Linear(*shape, classes)
    return nn.Sequential(nn.Linear(*shape, hidden), nn.ReLU(), nn.Linear(hidden, classes))


class GRU(nn.Module):
    def __init__(self, shape: tuple[int, ...], classes: int, hidden: int) -> None:
        super().__init__()
        self.layer = nn.GRU(shape[1], hidden, batch_first=True)
        self.last = nn.Linear(hidden, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.layer(x)[0][:, -1])


class FastGRNN(nn.Module):
    def __init__(self, shape: tuple[int, ...], classes: int, hidden: int) -> None:
        super().__init__()
        self.w, self.u = nn.Linear(shape[1], hidden, False), nn.Linear(hidden, hidden, False)
        self.biases = nn.Parameter(torch.ones(2, hidden))
        self.scalars = nn.Parameter(torch.tensor([1.0, -4.0]))
        self.last = nn.Linear(hidden, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        into, state = self.w(x), x.new_zeros(len(x), self.u.in_features)
        zeta, nu = torch.sigmoid(self.scalars)
        for t in range(x.shape[1]):
            both = into[:, t] + self.u(state)
            z, c = torch.sigmoid(both + self.biases[0]), torch.tanh(both + self.biases[1])
            state = (zeta * (1 - z) + nu) * c + z * state
        return self.last(state)


class Convolutional(nn.Sequential):
    """Channels last in memory, which suits PyTorch better here than its default."""

    def __init__(
        self, shape: tuple[int, ...], classes: int, kernel: int, first: int, second: int
    ) -> None:
        height, width, channels = shape
        super().__init__(
            *(nn.Conv2d(channels, first, kernel, padding=kernel // 2), nn.MaxPool2d(2), nn.ReLU()),
            *(nn.Conv2d(first, second, kernel, padding=kernel // 2), nn.MaxPool2d(2), nn.ReLU()),
            *(nn.Flatten(), nn.Linear(height // 4 * (width // 4) * second, classes)),
        )
        self.to(memory_format=torch.channels_last)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.permute(0, 3, 1, 2))


class Transformer(nn.Module):
    def __init__(
        self, shape: tuple[int, ...], classes: int, width: int, heads: int, hidden: int
    ) -> None:
        super().__init__()
        self.embed = nn.Linear(shape[1], width)
        self.positions = nn.Parameter(torch.zeros(shape[0], width))
        options = {"dropout": 0.0, "norm_first": True, "batch_first": True}
        self.block = nn.TransformerEncoderLayer(width, heads, hidden, **options)
        self.last = nn.Linear(width, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.block(self.embed(x) + self.positions).mean(1))


FAMILIES = {
    "perceptron": perceptron,
    "gru": GRU,
    "fastgrnn": FastGRNN,
    "convolutional": Convolutional,
    "transformer": Transformer,
}


def make(model: Model) -> Run:
    """A step is gather, forward, backward and the fused optimizer."""
    torch.set_num_threads(1)
    features, classes = map(torch.from_numpy, rows(model))
    features = features.reshape(ROWS, *model.shape)
    network = FAMILIES[model.family](model.shape, model.classes, **model.sizes)
    optimizer = torch.optim.SGD(network.parameters(), lr=RATE, momentum=MOMENTUM, fused=True)
    loss = nn.CrossEntropyLoss()

    def run(steps: int) -> None:
        for step in range(steps):
            start = step * BATCH % ROWS
            if start == 0:
                order = torch.randperm(ROWS)
            batch = order[start : start + BATCH]
            optimizer.zero_grad(set_to_none=True)
            loss(network(features[batch]), classes[batch]).backward()
            optimizer.step()

    return run
