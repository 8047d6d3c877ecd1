"""The same models in PyTorch, float64, and how far our gradients and steps are from autograd's.

One function a kind of layer, on the tensors that it declares; a new kind adds a row to LAYERS
and a model to MODELS.  Dropout has a mask of its own and FakeQuantise a gradient that no function
has; neither has a twin elsewhere: finite differences and the reference twin check them.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from gossipfl.kernels import layout
from gossipfl.learning import execution
from gossipfl.learning.settings import TrainingSettings
from gossipfl.models import layers
from gossipfl.models.sequential import Sequential, perceptron

Floats = NDArray[np.float32]
Tensors = Sequence[Tensor]
EPSILON = 1e-5  # of all norms
ROWS, BATCH, STEPS = 40, 8, 20


def dense(layer: layers.Dense, tensors: Tensors, x: Tensor) -> Tensor:
    return F.linear(x if layer.each else x.flatten(1), *tensors)


def channels_first(x: Tensor) -> Tensor:
    return x.movedim(-1, 1)


def channels_last(x: Tensor) -> Tensor:
    return x.movedim(1, -1)


def convolution(layer: layers.Conv1D | layers.Conv2D, tensors: Tensors, x: Tensor) -> Tensor:
    """Padding as the layer has it: what is missing, half of it (rounded down) in front."""
    weights, biases = tensors
    out = layer.bind(tuple(x.shape[1:])).shape[:-1]
    padding: list[int] = []
    for size, places in zip(x.shape[1:-1], out, strict=True):
        lacking = max((places - 1) * layer.stride + layer.kernel - size, 0)
        padding = [lacking // 2, lacking - lacking // 2, *padding]  # the last axis comes first
    convolve = F.conv1d if len(out) == 1 else F.conv2d
    padded = F.pad(channels_first(x), padding if layer.padding == "same" else [0] * len(padding))
    return channels_last(convolve(padded, channels_first(weights), biases, stride=layer.stride))


def pool(function: Callable[[Tensor, int], Tensor]) -> Callable[..., Tensor]:
    return lambda layer, _, x: channels_last(function(channels_first(x), layer.size))


def group_norm(layer: layers.GroupNorm, tensors: Tensors, x: Tensor) -> Tensor:
    return channels_last(F.group_norm(channels_first(x), layer.groups, *tensors, EPSILON))


def gru(layer: layers.GRU, tensors: Tensors, x: Tensor) -> Tensor:
    module = nn.GRU(x.shape[2], layer.units, batch_first=True, dtype=x.dtype)
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    states, _ = functional_call(module, dict(zip(names, tensors, strict=True)), x)
    return states[:, -1]


def fastgrnn(layer: layers.FastGRNN, tensors: Tensors, x: Tensor) -> Tensor:
    """Kusupati et al. 2018, arXiv:1901.02358."""
    w, u, (gate, candidate), zeta, nu = tensors
    state = x.new_zeros(len(x), layer.units)
    for step in x.unbind(1):
        both = step @ w.T + state @ u.T
        z, c = torch.sigmoid(both + gate), torch.tanh(both + candidate)
        state = (torch.sigmoid(zeta) * (1 - z) + torch.sigmoid(nu)) * c + z * state
    return state


def transformer(layer: layers.TransformerBlock, tensors: Tensors, x: Tensor) -> Tensor:
    a, o, w, v, o_bias, w_bias, v_bias, g, b, h, c = tensors
    module = nn.TransformerEncoderLayer(
        *(x.shape[2], layer.heads, layer.hidden),
        dropout=0.0,
        norm_first=True,
        batch_first=True,
        dtype=x.dtype,
    )
    given = {
        **{"self_attn.in_proj_weight": a, "self_attn.in_proj_bias": x.new_zeros(len(a))},
        **{"self_attn.out_proj.weight": o, "self_attn.out_proj.bias": o_bias},
        **{"linear1.weight": w, "linear1.bias": w_bias},
        **{"linear2.weight": v, "linear2.bias": v_bias},
        **{"norm1.weight": g, "norm1.bias": b, "norm2.weight": h, "norm2.bias": c},
    }
    found: Tensor = functional_call(module, given, x)
    return found


LAYERS: dict[type, Callable[..., Tensor]] = {
    layers.Dense: dense,
    layers.ReLU: lambda _, __, x: torch.relu(x),
    layers.Tanh: lambda _, __, x: torch.tanh(x),
    layers.Sigmoid: lambda _, __, x: torch.sigmoid(x),
    layers.LayerNorm: lambda _, tensors, x: F.layer_norm(x, x.shape[1:], *tensors, EPSILON),
    layers.GroupNorm: group_norm,
    layers.GRU: gru,
    layers.FastGRNN: fastgrnn,
    layers.Conv1D: convolution,
    layers.Conv2D: convolution,
    layers.MaxPool1D: pool(F.max_pool1d),
    layers.MaxPool2D: pool(F.max_pool2d),
    layers.AveragePool1D: pool(F.avg_pool1d),
    layers.AveragePool2D: pool(F.avg_pool2d),
    layers.GlobalAverage: lambda _, __, x: x.flatten(1, -2).mean(1),
    layers.Positions: lambda _, tensors, x: x + tensors[0],
    layers.TransformerBlock: transformer,
}


def cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(outputs, targets[:, 0].long())


def weighted_cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    """PyTorch looks the weights up by class, and so did whoever made the targets."""
    weights = outputs.new_ones(outputs.shape[1])
    classes = targets[:, 0].long()
    weights[classes] = targets[:, 1]
    return F.cross_entropy(outputs, classes, weights)


LOSSES: dict[int, Callable[[Tensor, Tensor], Tensor]] = {
    layout.CROSS_ENTROPY: cross_entropy,
    layout.WEIGHTED_CROSS_ENTROPY: weighted_cross_entropy,
    layout.SQUARED_ERROR: F.mse_loss,
    layout.BINARY: F.binary_cross_entropy_with_logits,
    layout.HUBER: F.huber_loss,
}


def model(*parts: layers.Layer, shape: tuple[int, ...], loss: str = "cross-entropy") -> Sequential:
    return Sequential(*parts, shape=shape, loss=loss)  # type: ignore[arg-type]


MODELS: dict[str, Sequential] = {
    "softmax": model(layers.Dense(5), shape=(12,)),
    "perceptron": model(*perceptron((16, 9)), layers.Dense(4), shape=(10,)),
    "squared": model(*perceptron((8,)), layers.Dense(3), shape=(6,), loss="squared-error"),
    "huber": model(*perceptron((8,)), layers.Dense(3), shape=(6,), loss="huber"),
    "one_logit": model(*perceptron((8,)), layers.Dense(1), shape=(6,), loss="binary"),
    "labels": model(layers.Dense(8), layers.Sigmoid(), layers.Dense(3), shape=(6,), loss="binary"),
    "norms": model(
        *(layers.LayerNorm(), layers.Dense(9), layers.Tanh(), layers.LayerNorm(), layers.Dense(3)),
        shape=(7,),
    ),
    "gru": model(layers.GRU(6), layers.Dense(3), shape=(9, 4)),
    "fastgrnn": model(layers.FastGRNN(6), layers.Dense(3), shape=(9, 4)),
    "images": model(
        *(layers.Conv2D(6, 3), layers.MaxPool2D(2), layers.ReLU()),
        *(layers.Conv2D(8, 2, stride=2), layers.GroupNorm(2), layers.AveragePool2D(2)),
        layers.Dense(4),
        shape=(13, 11, 2),
    ),
    "valid": model(
        *(layers.Conv2D(5, 4, padding="valid"), layers.Tanh(), layers.GlobalAverage()),
        layers.Dense(3),
        shape=(8, 7, 1),
    ),
    "windows": model(
        *(layers.Conv1D(6, 5, stride=2), layers.Tanh(), layers.MaxPool1D(2)),
        *(layers.Conv1D(4, 2), layers.AveragePool1D(2), layers.Dense(3)),
        shape=(19, 3),
    ),
    "transformer": model(
        *(layers.Dense(8, each=True), layers.Positions(), layers.TransformerBlock(2, 12)),
        *(layers.GlobalAverage(), layers.Dense(3)),
        shape=(6, 4),
    ),
}
WEIGHTED = "softmax"  # the model that is also trained with class weights


def torch_loss(spec: Sequential, loss: int, x: Tensor, features: Floats, targets: Floats) -> Tensor:
    """Of the parameters `x` f64[d], on a batch."""
    values = torch.from_numpy(features.astype(np.float64)).reshape(-1, *spec.shape)
    start = 0
    for layer, bound in zip(spec.layers, spec.bound, strict=True):
        tensors = []
        for tensor in bound.tensors:
            tensors.append(x[start : start + tensor.size].reshape(tensor.shape))
            start += tensor.size
        values = LAYERS[type(layer)](layer, tensors, values)
    return LOSSES[loss](values.flatten(1), torch.from_numpy(targets.astype(np.float64)))


def problem(spec: Sequential, *, weighted: bool) -> tuple[Floats, Floats, Floats]:
    """(start, features, targets), all random."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(ROWS, spec.inputs)).astype(np.float32)
    if spec.loss == "cross-entropy":
        targets = rng.integers(0, spec.outputs, (ROWS, 1)).astype(np.float32)
        if weighted:
            weights = rng.uniform(0.2, 3, spec.outputs).astype(np.float32)
            targets = np.append(targets, weights[targets.astype(int)], 1)
    elif spec.loss == "binary":
        targets = rng.integers(0, 2, (ROWS, spec.outputs)).astype(np.float32)
    else:
        targets = (2 * rng.normal(size=(ROWS, spec.outputs))).astype(np.float32)
    start = spec.initial(0) + rng.normal(0, 0.1, spec.parameters).astype(np.float32)
    return start, features, targets


def distance(ours: Floats, theirs: NDArray[np.float64]) -> float:
    """The largest difference, relative to the largest entry."""
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


def gradient_error(spec: Sequential, *, weighted: bool = False) -> float:
    """Relative distance of our gradient of one batch from autograd's."""
    start, features, targets = problem(spec, weighted=weighted)
    # One step of plain descent, by 1: what it takes off is the gradient.
    settings = TrainingSettings(learning_rate=1.0)
    ours = our_steps(spec, settings, (start, features, targets), np.arange(ROWS)[None])
    x = torch.from_numpy(start.astype(np.float64)).requires_grad_()
    plan = spec.plan(ROWS, weighted=weighted)
    torch_loss(spec, int(plan.table[-1, layout.KIND]), x, features, targets).backward()
    assert x.grad is not None
    return distance(ours[layout.GRADIENT], x.grad.numpy())


def our_steps(
    spec: Sequential,
    settings: TrainingSettings,
    data: tuple[Floats, Floats, Floats],
    batches: NDArray[np.int64],
) -> Floats:
    """The kernels' vectors after a step for each row of `batches`."""
    start, features, targets = data
    weighted = targets.shape[1] != spec.target_columns
    plan = spec.plan(batches.shape[1], weighted=weighted)
    memory = execution.take_memory(plan)
    zeros = np.zeros((settings.state_vectors, spec.parameters), np.float32)
    given = start, start, np.zeros_like(start), zeros
    rows = settings.encode(0, len(batches))
    course = execution.Course(plan, settings.kernel, (features, targets))
    course.train(rows, (0, 0), given, memory, batches)
    return memory.vectors


def steps_error(spec: Sequential, settings: TrainingSettings, *, weighted: bool = False) -> float:
    """Relative distance of our parameters from PyTorch's after STEPS steps."""
    data = problem(spec, weighted=weighted)
    batches = np.random.default_rng(1).integers(0, ROWS, (STEPS, BATCH))
    ours = our_steps(spec, settings, data, batches)[layout.PARAMETERS]
    return distance(ours, torch_steps(spec, settings, data, batches))


def torch_steps(
    spec: Sequential,
    settings: TrainingSettings,
    data: tuple[Floats, Floats, Floats],
    batches: NDArray[np.int64],
) -> NDArray[np.float64]:
    """PyTorch's parameters after the same steps."""
    start, features, targets = data
    plan = spec.plan(BATCH, weighted=targets.shape[1] != spec.target_columns)
    x = torch.from_numpy(start.astype(np.float64)).requires_grad_()
    began, optimizer = x.detach().clone(), torch_optimizer(settings, x)
    for batch, rate in zip(batches, settings.rates(0, len(batches)), strict=True):
        optimizer.zero_grad()
        loss = int(plan.table[-1, layout.KIND])
        torch_loss(spec, loss, x, features[batch], targets[batch]).backward()
        assert x.grad is not None
        x.grad += settings.proximal * (x.detach() - began)
        if settings.clip_norm:
            nn.utils.clip_grad_norm_([x], settings.clip_norm)
        optimizer.param_groups[0]["lr"] = rate
        optimizer.step()
    return x.detach().numpy()


def torch_optimizer(settings: TrainingSettings, x: Tensor) -> torch.optim.Optimizer:
    rate, decay = settings.learning_rate, settings.weight_decay
    if settings.optimizer == "adam":
        return torch.optim.Adam([x], rate, weight_decay=decay)
    if settings.optimizer == "adamw":
        return torch.optim.AdamW([x], rate, weight_decay=decay)
    momentum, nesterov = settings.momentum, settings.nesterov
    return torch.optim.SGD([x], rate, momentum, weight_decay=decay, nesterov=nesterov)


OPTIMIZERS: dict[str, TrainingSettings] = {
    "sgd": TrainingSettings(learning_rate=0.05),
    "momentum": TrainingSettings(learning_rate=0.05, momentum=0.9, weight_decay=0.01),
    "nesterov": TrainingSettings(
        learning_rate=0.05, momentum=0.9, nesterov=True, weight_decay=0.01, schedule="cosine:30"
    ),
    "adam": TrainingSettings(optimizer="adam", learning_rate=0.01, weight_decay=0.1),
    "adamw": TrainingSettings(
        optimizer="adamw", learning_rate=0.01, weight_decay=0.1, warmup_steps=5
    ),
    "clipped": TrainingSettings(learning_rate=0.5, clip_norm=0.1, schedule="step:5:0.5"),
    "fedprox": TrainingSettings(learning_rate=0.05, proximal=0.5, schedule="inverse:10"),
}


def worst() -> tuple[float, float]:
    """(gradient error, error after STEPS steps) over all models, weighted ones and optimizers."""
    gradients = [gradient_error(spec) for spec in MODELS.values()]
    gradients.append(gradient_error(MODELS[WEIGHTED], weighted=True))
    steps = [steps_error(spec, s) for spec in MODELS.values() for s in OPTIMIZERS.values()]
    return max(gradients), max(steps)
