"""What scripts/bench/accuracy trains: a data set, the layers before the last, and how."""

from collections.abc import Callable
from typing import Any

from attrs import frozen
from datasets.digits import digits_files
from datasets.household import household_files
from datasets.letter import letter_files
from datasets.mnist import mnist_files
from datasets.packages import Pair
from datasets.pendigits import pendigits_files
from datasets.spambase import spambase_files
from datasets.watch import watch_files

Layers = list[dict[str, Any]]


@frozen(kw_only=True)
class Task:
    """One comparison.

    layers: as in a model's TOML file; the last, Dense, follows from the data.
    shape: of an example, () where it is one row.
    standardise: as in the product: "feature", "channel:C" or "none".
    rate: Adam's, which falls as half a cosine over the whole training.
    quick: whether --quick has it.
    """

    name: str
    files: Callable[[], Pair]
    layers: Layers
    shape: tuple[int, ...] = ()
    standardise: str = "feature"
    epochs: int = 30
    batch: int = 32
    rate: float = 0.003
    weight_decay: float = 0.0
    clip_norm: float = 0.0
    quick: bool = False


def perceptron(*widths: int) -> Layers:
    return [layer for width in widths for layer in ({"layer": "Dense", "units": width}, RELU)]


RELU = {"layer": "ReLU"}
CNN = [
    {"layer": "Conv2D", "filters": 8, "kernel": 5},
    RELU,
    {"layer": "MaxPool2D", "size": 2},
    {"layer": "Conv2D", "filters": 16, "kernel": 3},
    RELU,
    {"layer": "MaxPool2D", "size": 2},
]
CONV1D = [
    {"layer": "Conv1D", "filters": 32, "kernel": 7},
    RELU,
    {"layer": "MaxPool1D", "size": 2},
    {"layer": "Conv1D", "filters": 32, "kernel": 5},
    RELU,
    {"layer": "GlobalAverage"},
]
WATCH = {"files": watch_files, "shape": (100, 6), "standardise": "channel:6", "epochs": 40}

TASKS = (
    Task(name="digits_mlp", files=digits_files, layers=perceptron(32), quick=True),
    Task(name="pendigits_mlp", files=pendigits_files, layers=perceptron(64)),
    Task(name="spambase_logistic", files=spambase_files, layers=[], quick=True),
    Task(name="spambase_mlp", files=spambase_files, layers=perceptron(32), epochs=15),
    Task(name="letter_mlp", files=letter_files, layers=perceptron(64)),
    Task(
        name="mnist_cnn",
        files=mnist_files,
        layers=CNN,
        shape=(28, 28, 1),
        standardise="none",
        epochs=15,
    ),
    Task(name="watch_mlp", layers=perceptron(64), **WATCH),
    Task(name="watch_gru", layers=[{"layer": "GRU", "units": 32}], clip_norm=1.0, **WATCH),
    Task(name="watch_conv1d", layers=CONV1D, **WATCH),
    Task(
        name="household_mlp",
        files=household_files,
        layers=perceptron(32),
        epochs=10,
        batch=64,
    ),
)
