"""The models that `kernels.py` times, and how fast each has to be; the rivals read the same table.

Only the standard library is imported: the rivals live in a virtual environment of their own.
"""

from dataclasses import dataclass
from math import prod

BATCH = 32


@dataclass(frozen=True)
class Model:
    """A model, and by how much its step has to beat the others'.

    family: what every rival builds it with, from `shape` (of one example), `classes` and `sizes`.
    products: multiply-adds of one example's matrix products, forward and backward.
    versus_torch, versus_other: least ratios to PyTorch and to the best of the `others`.
    """

    name: str
    family: str
    shape: tuple[int, ...]
    classes: int
    sizes: dict[str, int]
    products: int
    versus_torch: float
    versus_other: float | None = None
    others: tuple[str, ...] = ("jax",)

    @property
    def inputs(self) -> int:
        """Entries of one example."""
        return prod(self.shape)

    @property
    def grain(self) -> int:
        """Turns have a multiple of so many steps: an epoch, or less where steps are slow."""
        return 64 if self.family == "perceptron" else 4

    @property
    def operations(self) -> int:
        """Floating-point operations of the matrix products of one step."""
        return 2 * BATCH * self.products


def perceptron(inputs: int, hidden: int, classes: int, torch: float, other: float) -> Model:
    """With `hidden` 0, no hidden layer: softmax regression."""
    widths = (inputs, hidden, classes) if hidden else (inputs, classes)
    name = ("mlp_" if hidden else "logistic_") + "_".join(map(str, widths))
    products = 2 * inputs * widths[1] + 3 * hidden * classes
    return Model(
        *(name, "perceptron", (inputs,), classes, {"hidden": hidden}, products, torch, other),
        others=("jax", "numpy"),
    )


def recurrent(family: str, times: int, torch: float, other: float | None = None) -> Model:
    """9 channels, 32 units, 6 classes."""
    channels, hidden, classes, gates = 9, 32, 6, 3 if family == "gru" else 1
    step = gates * hidden * (2 * channels + 3 * hidden)
    products = times * step + 3 * hidden * classes
    sizes = {"hidden": hidden}
    name, shape = f"{family}_{times}", (times, channels)
    return Model(name, family, shape, classes, sizes, products, torch, other)


def convolutional(torch: float, other: float) -> Model:
    """28 x 28 grey, two convolutions of 3 x 3 with pools of 2 x 2 behind, 10 classes."""
    side, kernel, first, second, classes = 28, 3, 8, 16, 10
    half, quarter = side // 2, side // 4
    one = side**2 * kernel**2 * first
    two = half**2 * kernel**2 * first * second
    products = 2 * one + 3 * two + 3 * quarter**2 * second * classes
    sizes = {"kernel": kernel, "first": first, "second": second}
    shape = (side, side, 1)
    return Model("cnn_28", "convolutional", shape, classes, sizes, products, torch, other)


def transformer(times: int, width: int, torch: float, other: float) -> Model:
    """9 channels, embedded; one block of 4 heads and a feed-forward of 2 widths; 6 classes."""
    channels, classes, hidden = 9, 6, 2 * width
    sizes = {"width": width, "heads": 4, "hidden": hidden}
    block = times * width * (4 * width + 2 * hidden + 2 * times)
    products = 2 * times * channels * width + 3 * block + 3 * width * classes
    name, shape = f"transformer_{times}", (times, channels)
    return Model(name, "transformer", shape, classes, sizes, products, torch, other)


MODELS = {
    model.name: model
    for model in (
        perceptron(57, 0, 2, torch=50, other=8),
        perceptron(561, 0, 6, torch=12, other=3),
        perceptron(64, 32, 10, torch=15, other=2.5),
        perceptron(784, 60, 10, torch=5, other=1.5),
        recurrent("gru", 50, torch=12, other=3),
        recurrent("gru", 128, torch=12, other=3),
        recurrent("fastgrnn", 128, torch=40),
        convolutional(torch=3, other=5),
        transformer(32, 32, torch=2.5, other=2),
    )
}
