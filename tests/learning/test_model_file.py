"""Models in TOML: what they may say, and how every mistake is named."""

from pathlib import Path

import pytest

from gossipfl.errors import ConfigError
from gossipfl.learning.model_file import read_model
from gossipfl.models.layers import Dense, ReLU

MODEL = """
shape = [4, 4]
standardise = "none"
quantise = "int8"

[[layers]]
layer = "Dense"
units = 8

[[layers]]
layer = "ReLU"

[training]
learning_rate = 1
momentum = 0.5

[personal]
private = ["head"]
fine_tune = 3
"""


def read(tmp_path: Path, text: str):
    path = tmp_path / "model.toml"
    path.write_text(text)
    return read_model(path)


def test_a_file_says_what_is_learnt_and_how(tmp_path):
    model = read(tmp_path, MODEL)
    assert model.source == str(tmp_path / "model.toml")
    assert model.layers == (Dense(8), ReLU())
    assert model.shape == (4, 4)
    assert model.settings == {
        "standardise": "none",
        "quantise": "int8",
        "private": ["head"],
        "fine_tune": 3,
    }
    assert model.training == {"learning_rate": 1, "momentum": 0.5}


def test_a_file_may_leave_the_layers_to_flags(tmp_path):
    model = read(tmp_path, "")
    assert model.layers is None
    assert model.shape == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("layer = 3", "unknown key 'layer'; did you mean 'layers'?"),
        ("layers = 3", r"write \[\[layers\]\] above each"),
        ("[layers]\nlayer = 'Dense'", r"write \[\[layers\]\] above each"),
        ("layers = ['Dense']", "layer 1: a layer is a map"),
        (
            MODEL.replace('"ReLU"', '"Relu"'),
            "layer 2: there is no layer 'Relu'; did you mean 'ReLU'",
        ),
        (
            MODEL.replace("units", "unit"),
            "layer 1: Dense has no setting 'unit'; did you mean 'units'",
        ),
        (MODEL.replace("units = 8", ""), "layer 1: Dense needs units"),
        (MODEL.replace("momentum", "momentun"), r"\[training\]: unknown key .* mean 'momentum'"),
        (MODEL.replace("= 1", "= 11"), r"\[training\]: learning_rate is above 0 and at most 10"),
        (
            MODEL.replace("= 1", "= true"),
            r"\[training\]: learning_rate: True is not a finite number",
        ),
        (MODEL.replace("[4, 4]", "16"), "shape: 16 is not a list"),
        (MODEL.replace("[4, 4]", "['4']"), "shape: '4' is not a whole number"),
        (MODEL.replace("fine_tune", "fine-tune"), r"\[personal\]: .* mean 'fine_tune'"),
        (MODEL.replace('["head"]', '"head"'), r"\[personal\]: private: 'head' is not a list"),
        ("standardise = 1", "standardise: 1 is not text"),
        ("[[layers]", "is not valid TOML"),
        ("x = " + "[" * 5000, "is not valid TOML"),
    ],
)
def test_mistakes_name_the_file_and_the_key(tmp_path, text, said):
    with pytest.raises(ConfigError, match=f"model.toml.*{said}"):
        read(tmp_path, text)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"cannot read .*model.toml"):
        read_model(tmp_path / "model.toml")


def test_an_endless_file_is_not_read(tmp_path):
    with pytest.raises(ConfigError, match="above 1 MiB"):
        read(tmp_path, "#" * (1 << 20) + "\n")
