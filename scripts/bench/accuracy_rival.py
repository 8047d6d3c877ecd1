"""The same training in PyTorch: a task as JSON on standard input, its score on standard output.

Same inputs, layers, initial values, batches, optimizer and schedule.
"""

import json
import math
import sys

import numpy as np
import torch
from torch import nn


def main() -> None:
    """One training."""
    task = json.load(sys.stdin)
    torch.set_num_threads(1)
    (train, truths), (test, test_truths) = (_rows(task[name]) for name in ("train", "test"))
    mean, deviation = _scale(train, task["standardise"])
    train, test = ((rows - mean) / deviation for rows in (train, test))
    outputs = truths.shape[1] if truths.ndim == 2 else int(truths.max()) + 1
    model = Network(task["layers"], task["shape"] or [train.shape[1]], outputs)
    with np.load(task["start"]) as start:
        _set(model, torch.from_numpy(start["parameters"]))
        batches = torch.from_numpy(start["batches"])
    _fit(model, train, truths, batches, task)
    with torch.no_grad():
        found = model(test).numpy()
    print(json.dumps({"score": _score(found, test_truths.numpy())}))


class Network(nn.Module):
    """Layers as the task names them, with channels last in all shapes."""

    def __init__(self, layers: list[dict], shape: list[int], outputs: int) -> None:
        super().__init__()
        self.shape = shape
        self.steps = nn.ModuleList()
        shape = list(shape)
        for layer in [*layers, {"layer": "Dense", "units": outputs}]:
            step, shape = MAKERS[layer["layer"]](layer, shape)
            self.steps.append(step)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        x = rows.reshape(len(rows), *self.shape)
        for step in self.steps:
            x = step(x)
        return x


class ChannelsLast(nn.Module):
    """A layer of PyTorch's, which has the channels before the positions."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.inner(x.movedim(-1, 1)).movedim(1, -1)


class LastState(nn.Module):
    """A GRU's last state."""

    def __init__(self, channels: int, units: int) -> None:
        super().__init__()
        self.gru = nn.GRU(channels, units, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.gru(x)[0][:, -1]


class Average(nn.Module):
    """The mean over all positions."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1, -2).mean(1)


def _dense(layer: dict, shape: list[int]) -> tuple[nn.Module, list[int]]:
    units = layer["units"]
    return nn.Sequential(nn.Flatten(), nn.Linear(math.prod(shape), units)), [units]


def _convolution(layer: dict, shape: list[int]) -> tuple[nn.Module, list[int]]:
    kind = nn.Conv2d if layer["layer"] == "Conv2D" else nn.Conv1d
    inner = kind(shape[-1], layer["filters"], layer["kernel"], padding="same")
    return ChannelsLast(inner), [*shape[:-1], layer["filters"]]


def _pool(layer: dict, shape: list[int]) -> tuple[nn.Module, list[int]]:
    kind = nn.MaxPool2d if layer["layer"] == "MaxPool2D" else nn.MaxPool1d
    sides = [side // layer["size"] for side in shape[:-1]]
    return ChannelsLast(kind(layer["size"])), [*sides, shape[-1]]


MAKERS = {
    "Dense": _dense,
    "ReLU": lambda layer, shape: (nn.ReLU(), shape),
    "Conv1D": _convolution,
    "Conv2D": _convolution,
    "MaxPool1D": _pool,
    "MaxPool2D": _pool,
    "GRU": lambda layer, shape: (LastState(shape[1], layer["units"]), [layer["units"]]),
    "GlobalAverage": lambda layer, shape: (Average(), shape[-1:]),
}


def _set(model: nn.Module, vector: torch.Tensor) -> None:
    """The product's flat vector, whose filters have their channels last."""
    sizes = [parameter.numel() for parameter in model.parameters()]
    for parameter, part in zip(model.parameters(), vector.split(sizes), strict=True):
        if parameter.ndim > 2:
            filters, channels, *kernel = parameter.shape
            part = part.reshape(filters, *kernel, channels).movedim(-1, 1)
        parameter.data = part.reshape(parameter.shape).clone()


def _rows(path: str) -> tuple[torch.Tensor, torch.Tensor]:
    with np.load(path) as found:
        features, targets = found["X"], found["y"]
    kind = "f4" if targets.ndim == 2 else "i8"
    return torch.from_numpy(features.reshape(len(features), -1)), torch.from_numpy(
        targets.astype(kind)
    )


def _scale(rows: torch.Tensor, standardise: str) -> tuple[torch.Tensor, torch.Tensor]:
    if standardise == "none":
        return torch.tensor(0.0), torch.tensor(1.0)
    width = rows.shape[1]
    channels = width if standardise == "feature" else int(standardise.split(":")[1])
    values = rows.reshape(-1, channels)
    mean, deviation = values.mean(0), values.std(0, correction=0)
    deviation[deviation == 0] = 1
    return mean.repeat(width // channels), deviation.repeat(width // channels)


def _fit(
    model: nn.Module, rows: torch.Tensor, truths: torch.Tensor, batches: torch.Tensor, task: dict
) -> None:
    loss = nn.MSELoss() if truths.ndim == 2 else nn.CrossEntropyLoss()
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=task["rate"], weight_decay=task["weight_decay"]
    )
    steps = len(batches)
    for step, chosen in enumerate(batches):
        optimizer.param_groups[0]["lr"] = task["rate"] * (
            1 - (1 - task["floor"]) * 0.5 * (1 - math.cos(math.pi * step / steps))
        )
        optimizer.zero_grad(set_to_none=True)
        loss(model(rows[chosen]), truths[chosen]).backward()
        if task["clip_norm"]:
            nn.utils.clip_grad_norm_(model.parameters(), task["clip_norm"])
        optimizer.step()


def _score(found: np.ndarray, truths: np.ndarray) -> float:
    if truths.ndim == 1:
        return float((found.argmax(1) == truths).mean())
    return float(1 - np.square(found - truths).mean() / truths.var())


if __name__ == "__main__":
    main()
