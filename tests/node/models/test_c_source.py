"""Exported headers, compiled: outputs are those of Python."""

import ctypes
import math
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from gossipfl.data.schema import Schema
from gossipfl.data.statistics import Scale
from gossipfl.errors import ConfigError
from gossipfl.manifest import Manifest
from gossipfl.models.layers import (
    GRU,
    AveragePool1D,
    AveragePool2D,
    Conv1D,
    Conv2D,
    Dense,
    Dropout,
    GlobalAverage,
    MaxPool1D,
    MaxPool2D,
    ReLU,
)
from gossipfl.node.cli.main import gossipfl
from gossipfl.node.models.c_source import c_header, name_of
from gossipfl.node.models.source import write_model_file
from gossipfl.trained import TrainedModel, UsableModel

COMPILER = shutil.which("cc")
ARCHITECTURES = [
    ((), (7,)),
    ((Dense(12), ReLU()), (6,)),
    ((Dense(8), Dropout(0.5), Dense(5, each=True), ReLU()), (3, 4)),
    ((Dense(5, each=True), ReLU(), GlobalAverage()), (6, 4)),
    (
        (
            *(Conv2D(4, 3), ReLU(), MaxPool2D(2), Conv2D(5, 2, stride=2), ReLU()),
            AveragePool2D(2),
        ),
        (9, 10, 2),
    ),
    ((Conv1D(4, 5, stride=3), MaxPool1D(2), ReLU(), Conv1D(3, 2, padding="valid")), (20, 2)),
    ((ReLU(), MaxPool2D(2), Conv2D(3, 3, padding="valid"), GlobalAverage()), (10, 8, 1)),
    ((AveragePool1D(3), Dense(6)), (10, 2)),
]


def trained(layers, shape, quantise, seed, columns=None, **options) -> TrainedModel:
    """As after some training, with statistics that are not trivial."""
    rng = np.random.default_rng(seed)
    inputs = columns or math.prod(shape)
    schema = Schema(
        columns=tuple(f"x{i}" for i in range(inputs)), target="y", classes=("a", "b", "c")
    )
    manifest = Manifest(
        cluster="home",
        schema=schema,
        layers=layers,
        quantise=quantise,
        shape=shape,
        **options,
    )
    parameters = manifest.initial_model()
    for name, start, stop in manifest.model().tensors:
        if name[0] in "bs":
            parameters[start:stop] += rng.normal(0, 0.3, stop - start).astype(np.float32)
    scale = Scale(
        mean=rng.normal(size=inputs).astype(np.float32),
        inverse_deviation=rng.uniform(0.5, 2, inputs).astype(np.float32),
    )
    return TrainedModel(manifest, parameters, scale)


def run_in_c(model: UsableModel, features: np.ndarray, folder: Path) -> np.ndarray:
    if COMPILER is None:
        pytest.skip("no C compiler here (cc): exported headers are not compiled")
    (folder / "net.h").write_text(c_header(model, "net"))
    (folder / "main.c").write_text(
        '#include "net.h"\n'
        "void run(const float *features, float *outputs) { net_run(features, outputs); }\n"
    )
    flags = ["-std=c99", "-O2", "-Wall", "-Wextra", "-Werror", "-pedantic", "-shared", "-fPIC"]
    command = [COMPILER, *flags, str(folder / "main.c"), "-o", str(folder / "net.so")]
    subprocess.run(command, check=True)
    library = ctypes.CDLL(str(folder / "net.so"))
    found = np.empty((len(features), model.manifest.model().outputs), np.float32)
    for row, out in zip(features, found, strict=True):
        library.run(row.ctypes.data_as(ctypes.c_void_p), out.ctypes.data_as(ctypes.c_void_p))
    return found


def rows(model: UsableModel, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(0, 2, (40, model.manifest.model().inputs)).astype(np.float32)


@pytest.mark.parametrize("number", range(len(ARCHITECTURES)))
def test_integers_are_pythons_to_the_bit(number: int, tmp_path: Path) -> None:
    model = trained(*ARCHITECTURES[number], "int8", number).integers()
    features = rows(model, number)
    features[0, 0], features[1, 0], features[2, 0] = np.nan, np.inf, -1e30
    expected = model.outputs(features)
    np.testing.assert_array_equal(run_in_c(model, features, tmp_path), expected)
    assert len(np.unique(expected)) > 20


@pytest.mark.parametrize("number", range(len(ARCHITECTURES)))
def test_floats_agree_to_rounding(number: int, tmp_path: Path) -> None:
    model = trained(*ARCHITECTURES[number], "none", number)
    features = rows(model, number)
    expected = model.outputs(features)
    found = run_in_c(model, features, tmp_path)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("model", "name", "complaint"),
    [
        (trained((GRU(3),), (4, 2), "none", 0), "net", "GRU1"),
        (trained((), (4,), "none", 0, columns=8, basis="dct1:4x2:2"), "net", "input basis"),
        (trained((), (8,), "int8", 0), "net", "--int8"),
        (trained((), (8,), "none", 0), "2net", "--name"),
        (trained((), (8,), "none", 0), "net;", "--name"),
    ],
)
def test_what_cannot_be_exported(model: UsableModel, name: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        c_header(model, name)


def test_names_from_files() -> None:
    names = ("My-model.h", "2nd.h", "steps.h")
    assert [name_of(Path(name)) for name in names] == ["my_model", "model_2nd", "steps"]


def test_the_command(tmp_path: Path) -> None:
    write_model_file(tmp_path / "m", trained((Dense(4), ReLU()), (5,), "int8", 1))
    for flags in (["--int8"], ["--int8", "--name", "other"]):
        command = ["export", "--to", "c", str(tmp_path / "steps.h"), "--model", str(tmp_path / "m")]
        done = CliRunner().invoke(gossipfl, [*command, *flags], standalone_mode=False)
        assert done.exception is None
        assert f"{flags[-1].lstrip('-').replace('int8', 'steps')}_run()" in done.output
    assert "static void other_run(" in (tmp_path / "steps.h").read_text()
