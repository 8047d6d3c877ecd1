"""`gossipfl train`: a baseline that predict and evaluate can use."""

import json
from pathlib import Path

import numpy as np
import pytest

from gossipfl.node.models.source import read_model_file


def written(path: Path, rows: int, seed: int, *, values: bool = False) -> str:
    """Readings whose class, or value, follows from a and b."""
    rng = np.random.default_rng(seed)
    lines = ["a,b,y"]
    for a, b in rng.normal((50, -3), (10, 2), (rows, 2)):
        slope = a / 10 + b / 2
        lines.append(
            f"{a:.4f},{b:.4f},{f'{slope:.4f}' if values else 'hi' if slope > 3.5 else 'lo'}"
        )
    path.write_text("\n".join(lines) + "\n")
    return str(path)


@pytest.fixture
def data(tmp_path: Path) -> str:
    return written(tmp_path / "train.csv", 400, 0)


@pytest.fixture
def held_back(tmp_path: Path) -> str:
    return written(tmp_path / "test.csv", 200, 1)


def test_a_model_is_trained_written_and_used(run, ok, data, held_back, tmp_path):
    status, out, errors = run(
        *("train", "--data", data, "--epochs", "15", "--hidden", "8"),
        *("--test", held_back, "--output", "all.model", "--json"),
    )
    assert status == 0
    assert "cross-entropy; 42 of at most 51,200 parameters" in errors
    assert "wrote all.model" in errors
    found = json.loads(out)
    assert found["test"]["accuracy"] > 0.95
    assert found["validation"]["samples"] == pytest.approx(40, abs=2)
    assert 1 <= found["best"] <= found["epochs"] <= 15
    assert (tmp_path / "all.model").stat().st_mode & 0o777 == 0o600
    again = json.loads(ok("evaluate", held_back, "--model", "all.model", "--json"))
    assert again == found["test"]
    assert len(ok("predict", held_back, "--model", "all.model").splitlines()) == 201
    assert read_model_file(tmp_path / "all.model").scale is not None


def test_results_for_people(run, data, held_back):
    _, out, _ = run("train", "--data", data, "--rounds", "30", "--linear", "--test", held_back)
    assert out.startswith("kept the model of round ")
    assert "of 30" in out or "stopped early" in out
    assert "validation accuracy" in out
    assert "rows by predicted class" in out


def test_values(run, tmp_path):
    data = written(tmp_path / "v.csv", 300, 0, values=True)
    arguments = ("--linear", "--learning-rate", "0.05", "--epochs", "20")
    _, out, _ = run("train", "--data", data, *arguments, "--test", data)
    share = float(out.rpartition("R squared ")[2].split()[0])
    assert share > 0.99
    assert "validation error" in out


def test_equal_seeds_give_equal_models(run, data, tmp_path):
    for name in ("one", "two"):
        run("train", "--data", data, "--epochs", "2", "--seed", "5", "--output", name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_no_validation_rows(run, data):
    _, out, _ = run("train", "--data", data, "--epochs", "2", "--validation", "0", "--json")
    found = json.loads(out)
    assert found["validation"] == {"samples": 0, "loss": None, "accuracy": None, "error": None}
    assert (found["epochs"], found["best"], found["stopped_early"]) == (2, 2, False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--epochs", "2", "--rounds", "2"], "with --epochs or with --rounds, not with both"),
        (["--target", "z"], "no column 'z'"),
        (["--hidden", "90000"], "at most"),
    ],
)
def test_errors_say_what_to_do(run, data, arguments, said):
    status, out, errors = run("train", "--data", data, *arguments)
    assert (status, out) == (2, "")
    assert said in errors


def test_divergence_is_told(run, tmp_path):
    data = written(tmp_path / "v.csv", 60, 0, values=True)
    arguments = ("--standardise", "none", "--linear", "--learning-rate", "10")
    status, _, errors = run("train", "--data", data, *arguments)
    assert status == 2
    assert "training diverged: lower training.learning_rate" in errors


def test_a_forecast_from_windows(run, ok, tmp_path):
    warmth = 20 + 5 * np.sin(np.arange(600) / 7)
    rows = [f"{value:.4f},{value * 1.8 + 32:.4f}" for value in warmth]
    (tmp_path / "series.csv").write_text("\n".join(["c,f", *rows]) + "\n")
    status, out, errors = run(
        *("train", "--data", "series.csv", "--target", "c", "--target", "f", "--linear"),
        *("--window", "6", "--stride", "1", "--horizon", "4", "--learning-rate", "0.02"),
        *("--test", "series.csv", "--output", "ahead", "--json"),
    )
    assert status == 0, errors
    assert "squared-error; 26 of at most 51,200 parameters" in errors
    for found in json.loads(out)["test"]["targets"].values():
        assert found["r_squared"] > 0.98
    # The windows at the end, whose future is not in the file, are what one wants to know.
    predicted = ok("predict", "series.csv", "--model", "ahead").splitlines()
    assert predicted[0] == "line,c,f"
    assert predicted[1].startswith("7,")
    line, celsius, fahrenheit = map(float, predicted[-1].split(","))
    assert line == 601
    assert celsius == pytest.approx(20 + 5 * np.sin(603 / 7), abs=0.7)
    assert fahrenheit == pytest.approx(celsius * 1.8 + 32, abs=1)


def test_windows_of_classes(run, tmp_path):
    rng = np.random.default_rng(0)
    moving = np.repeat(rng.integers(0, 2, 80), 10)
    rows = [f"{rng.normal(0, 3 if m else 1):.3f},{'move' if m else 'rest'}" for m in moving]
    (tmp_path / "imu.csv").write_text("\n".join(["x,y", *rows]) + "\n")
    _, out, errors = run("train", "--data", "imu.csv", "--window", "10", "--epochs", "3", "--json")
    assert "cross-entropy; 418 of at most 51,200 parameters" in errors
    assert json.loads(out)["epochs"] == 3


def test_two_classes_by_one_logit(run, ok, data, held_back):
    status, _, errors = run(
        *("train", "--data", data, "--epochs", "10", "--loss-function", "binary"),
        *("--hidden", "8", "--output", "one", "--optimizer", "adamw", "--learning-rate", "0.02"),
        *("--schedule", "cosine:200", "--weight-decay", "0.01", "--clip-norm", "5"),
    )
    assert status == 0, errors
    assert "binary; 33 of at most" in errors
    found = json.loads(ok("evaluate", held_back, "--model", "one", "--json"))
    assert found["accuracy"] > 0.95
    assert found["classes"] == ["hi", "lo"]
    first = json.loads(ok("predict", held_back, "--model", "one", "--json").splitlines()[0])
    assert first["class"] in ("hi", "lo")
    assert 0.5 <= first["probability"] <= 1


def test_labels_that_are_not_exclusive(run, ok, tmp_path):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(300, 2))
    lines = [f"{a:.4f},{b:.4f},{int(a > 0)},{int(a + b > 1)}" for a, b in rows]
    (tmp_path / "labels.csv").write_text("\n".join(["a,b,warm,wet", *lines]) + "\n")
    arguments = ("--target", "warm", "--target", "wet", "--loss-function", "binary", "--linear")
    status, out, errors = run(
        "train", "--data", "labels.csv", *arguments, "--output", "both", "--test", "labels.csv"
    )
    assert status == 0, errors
    assert "recall" in out
    found = json.loads(ok("evaluate", "labels.csv", "--model", "both", "--json"))
    assert found["labels"]["warm"]["accuracy"] > 0.95
    predicted = ok("predict", "labels.csv", "--model", "both").splitlines()
    assert predicted[0] == "line,warm,wet"
    assert all(0 <= float(share) <= 1 for share in predicted[1].split(",")[1:])


def test_classes_can_be_balanced(run, data):
    shown = {}
    for weights in ("balanced", "1,4"):
        arguments = ("--data", data, "--epochs", "3", "--class-weights", weights, "--json")
        status, out, errors = run("train", *arguments)
        assert status == 0, errors
        shown[weights] = json.loads(out)["validation"]["loss"]
    assert shown["balanced"] != shown["1,4"]
    for wrong, said in (("heavy", "neither"), ("1,2,3", "each of the 2 classes")):
        status, _, errors = run("train", "--data", data, "--class-weights", wrong)
        assert status == 2
        assert said in errors


def test_what_int8_costs_is_told(run, ok, data, held_back, tmp_path):
    rounded = ("--data", data, "--epochs", "15", "--hidden", "8", "--quantise", "int8")
    _, out, _ = run("train", *rounded, "--test", held_back, "--output", "all", "--json")
    found = json.loads(out)["rounding"]
    assert found["samples"] == 200
    assert min(found["score"].values()) > 0.95
    assert abs(found["cost_points"]) <= 1
    assert found["bytes"] == {"float32": 42 * 4, "int8": 4 + 2 * 8 + 8 * 9 + 8 * 2 + 2 * 8}
    plain = json.loads(ok("evaluate", held_back, "--model", "all", "--json"))
    integers = json.loads(ok("evaluate", held_back, "--model", "all", "--int8", "--json"))
    assert plain["accuracy"] == found["score"]["rounded"]
    assert integers["accuracy"] == found["score"]["int8"]
    said = ok("model", "quantise", "small", "--model", "all")
    assert "wrote small: 176 bytes of parameters became 124" in said
    assert json.loads(ok("evaluate", held_back, "--model", "small", "--json")) == integers
    predicted = ok("predict", held_back, "--model", "all", "--int8")
    assert predicted == ok("predict", held_back, "--model", "small")


def test_what_int8_costs_is_told_to_people(run, data):
    _, out, _ = run("train", "--data", data, "--epochs", "3", "--quantise", "int8")
    assert "trained in float32" in out
    assert "int8 costs" in out
    _, out, _ = run("train", "--data", data, "--epochs", "2", "--quantise", "int8", *NO_ROWS)
    assert "int8 costs" not in out


NO_ROWS = ("--validation", "0")


def test_models_of_floats_do_not_run_in_int8(run, data, held_back):
    run("train", "--data", data, "--epochs", "2", "--output", "plain")
    status, _, errors = run("evaluate", held_back, "--model", "plain", "--int8")
    assert status == 2
    assert 'trained with quantise = "int8"' in errors
