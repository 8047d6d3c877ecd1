"""`gossipfl predict` and `gossipfl evaluate`, from files and in pipes."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gossipfl.data.schema import Schema
from gossipfl.data.statistics import Scale
from gossipfl.manifest import Manifest
from gossipfl.node.models.source import write_model_file
from gossipfl.trained import TrainedModel

SCHEMA = Schema(columns=("a", "b"), target="mood", classes=("glad", "sad", "so-so"))
# Logits: a, -a and b, after taking 1 off each reading.
SCALE = Scale(mean=np.ones(2, "f4"), inverse_deviation=np.ones(2, "f4"))
WEIGHTS = np.array([1, 0, -1, 0, 0, 1, 0, 0, 0], np.float32)
ROWS = "b,note,a\n1,x,3\n1,y,-1\n\n9,z,1\n"


@pytest.fixture
def model(tmp_path: Path) -> str:
    manifest = Manifest(cluster="home", schema=SCHEMA, layers=())
    write_model_file(tmp_path / "moods", TrainedModel(manifest, WEIGHTS, SCALE))
    return str(tmp_path / "moods")


@pytest.fixture
def values(tmp_path: Path) -> str:
    schema = Schema(columns=("a", "b"), target="warmth")
    manifest = Manifest(cluster="home", schema=schema, layers=(), standardise="none")
    parameters = np.array([2, 1, 0.5], np.float32)
    write_model_file(tmp_path / "warmth", TrainedModel(manifest, parameters, None))
    return str(tmp_path / "warmth")


@pytest.fixture
def rows(tmp_path: Path) -> str:
    (tmp_path / "rows.csv").write_text(ROWS)
    return str(tmp_path / "rows.csv")


@pytest.fixture
def typed(monkeypatch):
    def type_in(text: str | bytes) -> None:
        raw = text if isinstance(text, bytes) else text.encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))

    return type_in


def test_classes_of_a_file(ok, model, rows):
    found = list(csv.DictReader(io.StringIO(ok("predict", rows, "--model", model))))
    assert [(row["line"], row["class"]) for row in found] == [
        ("2", "glad"),
        ("3", "sad"),
        ("5", "so-so"),
    ]
    weights = np.exp([2, -2, 0])
    assert float(found[0]["probability"]) == pytest.approx(weights[0] / weights.sum(), abs=1e-6)


def test_the_likeliest_classes(ok, model, rows):
    out = ok("predict", rows, "--model", model, "--top", "9")
    assert out.splitlines()[0] == (
        "line,class,probability,class_2,probability_2,class_3,probability_3"
    )
    (first, *_) = csv.DictReader(io.StringIO(out))
    assert [first["class"], first["class_2"], first["class_3"]] == ["glad", "so-so", "sad"]
    shares = [float(first[name]) for name in ("probability", "probability_2", "probability_3")]
    assert sum(shares) == pytest.approx(1, abs=1e-5)


def test_json_lines_from_standard_input(ok, model, typed):
    typed("\ufeff" + ROWS)
    found = [
        json.loads(line) for line in ok("predict", "-", "--model", model, "--json").splitlines()
    ]
    assert [row["class"] for row in found] == ["glad", "sad", "so-so"]
    assert set(found[0]) == {"line", "class", "probability"}
    typed(ROWS)
    out = ok("predict", "-", "--model", model, "--json", "--top", "2")
    (first, *_) = [json.loads(line) for line in out.splitlines()]
    assert [each["class"] for each in first["top"]] == ["glad", "so-so"]


def test_values(ok, values, rows, typed):
    assert ok("predict", rows, "--model", values) == "line,warmth\n2,7.5\n3,-0.5\n5,11.5\n"
    typed(ROWS)
    (first, *_) = ok("predict", "-", "--model", values, "--json").splitlines()
    assert json.loads(first) == {"line": 2, "values": {"warmth": 7.5}}


@pytest.mark.parametrize("source", ["file", "-"])
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty; its first line must name the columns"),
        ("a,c\n1,2\n", "line 1: no column 'b'; add it, or rename one of 'a', 'c'"),
        ("a,b\n1,2\n1,two\n", "line 3, column 'b': 'two' is not a number"),
        ("a,b\n1,2\n1\n", "line 3: 1 cells, but 2 columns"),
        (b"a,b\n\xff,2\n", "not UTF-8 text"),
        ('a,b\n"1,2\n', "not a CSV file"),
    ],
)
def test_faults_are_one_line(refused, model, tmp_path, typed, source, text, said):
    raw = text if isinstance(text, bytes) else text.encode()
    typed(raw)
    (tmp_path / "bad.csv").write_bytes(raw)
    where = "standard input" if source == "-" else "bad.csv"
    line = refused("predict", "-" if source == "-" else "bad.csv", "--model", model)
    assert line.startswith(where)
    assert said in line


def test_what_comes_before_a_fault_is_predicted(run, values, tmp_path):
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n1,two\n")
    status, out, _ = run("predict", "bad.csv", "--model", values)
    assert (status, out) == (2, "line,warmth\n2,4.5\n")


def test_other_errors_are_one_line(refused, model, tmp_path):
    assert "cannot read none.csv: No such file" in refused("predict", "none.csv", "--model", model)
    assert "no node was ever admitted" in refused("predict", "none.csv")
    assert "no node was ever admitted" in refused("evaluate", "none.csv", "--state", "x")
    assert "none.csv" in refused("evaluate", "none.csv", "--model", model)


def test_an_endless_line_is_cut_off(refused, model, monkeypatch, typed):
    monkeypatch.setattr("gossipfl.node.models.textinput.LINE_MAX", 100)
    typed("a,b\n" + "1" * 200)
    assert "a line of 100 characters or more" in refused("predict", "-", "--model", model)


def test_in_a_pipe_each_row_is_answered_before_the_next_comes(values):
    with subprocess.Popen(
        [sys.executable, "-m", "gossipfl", "predict", "-", "--model", values],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for sent, answer in (
            ("a,b\n", "line,warmth\n"),
            ("1,2\n", "2,4.5\n"),
            ("0,0\n", "3,0.5\n"),
        ):
            process.stdin.write(sent)
            process.stdin.flush()
            assert process.stdout.readline() == answer
        process.stdin.close()
        assert process.wait() == 0


def test_a_reader_that_stops_early_is_no_error(values, tmp_path):
    (tmp_path / "many.csv").write_text("a,b\n" + "1,2\n" * 50_000)
    command = (
        f"{sys.executable} -m gossipfl predict {tmp_path}/many.csv --model {values} | head -n 2"
    )
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "line,warmth\n2,4.5\n", "")


@pytest.fixture
def answers(tmp_path: Path) -> str:
    (tmp_path / "answers.csv").write_text("a,b,mood\n3,1,glad\n3,1,sad\n-1,1,sad\n5,1,0\n")
    return str(tmp_path / "answers.csv")


def test_evaluating_classes(ok, model, answers):
    out = ok("evaluate", answers, "--model", model)
    assert "accuracy 75.00% of 4 rows" in out
    lines = [line.split() for line in out.splitlines()]
    assert ["glad", "2", "0", "0", "100.0%"] in lines
    assert ["sad", "1", "1", "0", "50.0%"] in lines
    assert ["so-so", "0", "0", "0", "-"] in lines
    found = json.loads(ok("evaluate", answers, "--model", model, "--json"))
    assert found["confusion"] == [[2, 0, 0], [1, 1, 0], [0, 0, 0]]
    assert found["recall"] == {"glad": 1.0, "sad": 0.5, "so-so": None}
    assert (found["accuracy"], found["samples"]) == (0.75, 4)


def test_evaluating_values_from_standard_input(ok, values, typed):
    typed("a,b,warmth\n1,2,4.5\n0,0,1.5\n")
    out = ok("evaluate", "-", "--model", values)
    assert "warmth: root mean squared error 0.7071, R squared 0.7778" in out
    typed("a,b,warmth\n1,2,4.5\n0,0,1.5\n")
    found = json.loads(ok("evaluate", "-", "--model", values, "--json"))
    assert found["samples"] == 2
    assert found["targets"]["warmth"]["rmse"] == pytest.approx(0.5**0.5)
    typed("a,b,warmth\n1,2,4.5\n")
    assert "R squared -, it never varies" in ok("evaluate", "-", "--model", values)


def test_evaluating_needs_the_answers(refused, model, rows):
    assert "no column 'mood'" in refused("evaluate", rows, "--model", model)
