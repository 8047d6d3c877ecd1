"""`gossipfl model show`, and --model of the commands that make a manifest."""

import re
from pathlib import Path

import numpy as np
import pytest

MODEL = """
[[layers]]
layer = "GRU"
units = 6

[training]
learning_rate = 0.05
batch_size = 8
"""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.toml"
    path.write_text(MODEL)
    return path


@pytest.fixture
def windows(tmp_path: Path) -> Path:
    path = tmp_path / "windows.npz"
    values = np.random.default_rng(0).normal(size=(60, 10, 3))
    np.savez(path, X=values, y=np.arange(60) % 2)
    return path


def test_show_prints_a_line_a_layer(ok, model, windows):
    shown = ok("model", "show", str(model), "--like", str(windows))
    assert re.search(r"input +10x3", shown)
    assert re.search(r"GRU1 +6 +198 +792 +1,620 +25,920", shown)
    assert re.search(r"Dense2 +2 +14 +56 +12 +288", shown)
    assert re.search(r"total +2 +212 +848 +1,632 +26,208", shown)
    assert "step of 8" in shown
    assert "212 of at most 51,200 parameters" in shown


def test_flags_override_the_file(ok, model, windows):
    assert "step of 4" in ok("model", "show", str(model), "--like", str(windows), "--batch-size=4")


def test_private_layers_are_marked(ok, refused, model, windows):
    with model.open("a") as file:
        file.write('[personal]\nprivate = ["head"]\n')
    shown = ok("model", "show", str(model), "--like", str(windows))
    assert re.search(r"Dense2 .* private\n", shown)
    assert shown.count("private") == 1
    flagged = ok("model", "show", str(model), "--like", str(windows), "--private", "GRU")
    assert re.search(r"GRU1 .* private *\n", flagged)
    assert flagged.count("private") == 1
    said = refused("model", "show", str(model), "--like", str(windows), "--private=GRU2")
    assert "model.toml: private: no layer 'GRU2' learns; did you mean 'GRU'?" in said


def test_flags_alone_make_a_model(ok):
    assert re.search(r"Dense1 +5", ok("model", "show", "--hidden=5", "--features=2", "--classes=3"))


def test_a_cluster_and_a_single_model_are_made_of_the_same_file(ok, run, model, windows):
    created = ok("cluster", "create", "home", "--like", str(windows), "--model", str(model))
    assert re.search(r"GRU1 +6 +198", created)
    assert "10x3 GRU 6 Dense 2" in ok("cluster", "show")
    status, _, told = run("train", "--data", str(windows), "--model", str(model), "--epochs=1")
    assert status == 0
    assert re.search(r"GRU1 +6 +198", told)


def test_a_window_of_a_csv_needs_no_shape(ok, model, tmp_path):
    path = tmp_path / "readings.csv"
    path.write_text("a,b,y\n" + "1.5,2.5,0\n2.5,1.5,1\n" * 30)
    shown = ok("model", "show", str(model), "--like", str(path), "--window=5")
    assert re.search(r"input +5x2", shown)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--hidden", "4"), "model.toml has the layers: leave --hidden and --linear out"),
        (("--linear",), "model.toml has the layers: leave --hidden and --linear out"),
        (("--features", "3", "--classes", "2"), "model.toml: layer 1: GRU takes windows"),
    ],
)
def test_what_does_not_go_together_is_refused(refused, model, windows, arguments, said):
    like = () if "--features" in arguments else ("--like", str(windows))
    assert said in refused("model", "show", str(model), *like, *arguments)


def test_the_largest_layer_is_named(refused):
    said = refused("model", "show", "--hidden=900", "--hidden=3", "--features=60", "--classes=2")
    assert "layer 1, Dense1, is the largest with 54,900" in said


def test_a_file_may_choose_the_loss_and_weigh_classes(ok, windows, tmp_path):
    path = tmp_path / "loss.toml"
    path.write_text('loss = "binary"\n')
    assert re.search(r"total +1 ", ok("model", "show", str(path), "--like", str(windows)))
    path.write_text("[training]\nclass_weights = [1, 2.5]\n")
    assert re.search(r"total +2 ", ok("model", "show", str(path), "--like", str(windows)))
