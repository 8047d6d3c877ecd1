"""`gossipfl simulate` from the command line."""

import json
import re
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

from gossipfl.errors import ConfigError, DataError
from gossipfl.node.cli.simulate import command
from gossipfl.simulation.algorithms import PLAIN, TUNED
from tests.simulator.task import clouds


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rows = clouds()
    path = tmp_path / "clouds.npz"
    np.savez(path, X=rows.features, y=rows.targets, group=np.arange(len(rows)) % 5)
    return path


def simulate(*arguments: object):
    return CliRunner().invoke(command, [*map(str, arguments), "--rounds", "30", "--hidden", "8"])


def runs(shown):
    assert shown.exit_code == 0, shown.output
    return json.loads(shown.stdout)["runs"]


def test_a_table_and_what_it_cost(data):
    shown = simulate(6, "--data", data, "--keep-ratio", "0.1", "--loss", "0.1", "--churn", "0.2")
    assert shown.exit_code == 0, shown.output
    assert re.search(r"round +kB per node +validation +test +worst node +spread", shown.stdout)
    assert re.search(
        r"sent per node: [\d.]+ of the model's 0.4 kB, \d+ bytes a frame", shown.stdout
    )
    assert re.search(r"\d+ node-rounds in [\d.]+ s: \d+ a second", shown.stdout)
    assert "6 Dense 8 ReLU 8 Dense 4" in shown.stderr


def test_json_holds_what_was_asked_for(data):
    arguments = (5, "--data", data, "--partition", "by-group", "--speed-spread", 3, "--seed", 4)
    (found,) = runs(simulate(*arguments, "--baseline", "dpsgd", "--json", "-"))
    assert found["label"] == "seed 4"
    assert found["experiment"]["algorithm"] == "dpsgd"
    assert found["experiment"]["speed_spread"] == 3
    assert found["experiment"]["seed"] == found["experiment"]["manifest"]["seed"] == 4
    assert len(found["sent_bytes"]) == 5
    assert runs(simulate(*arguments, "--baseline", "dpsgd", "--json", "-")) == [found]


def test_a_test_file_is_judged_by(data, tmp_path):
    test = tmp_path / "test.npz"
    few = clouds(rows=7, seed=1)
    np.savez(test, X=few.features, y=few.targets)
    (found,) = runs(simulate(3, "--data", data, "--test", test, "--json", "-"))
    scores = np.array(found["scores"]) * 7
    assert np.allclose(scores, scores.round())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((3, "--baseline", "magic"), "algorithm 'magic' is unknown: write gossip, fedavg"),
        ((3, "--attack", "magic", "--attackers", "0.4"), "attack 'magic' is unknown"),
        ((3, "--attack", "alie"), "give both"),
        ((3, "--topology", "toros"), "topology 'toros' is unknown"),
        ((4, "--partition", "by-group"), "the data has 5 groups: use as many nodes"),
    ],
)
def test_mistakes_are_named(data, arguments, said):
    shown = simulate(*arguments, "--data", data)
    assert isinstance(shown.exception, ConfigError | DataError)
    assert said in str(shown.exception)


def test_only_the_honest_are_judged(data):
    arguments = (10, "--data", data, "--attack", "signflip", "--attackers", "0.3", "--json", "-")
    for trust in ("open", "closed"):
        (found,) = runs(simulate(*arguments, "--trust", trust))
        assert found["experiment"]["manifest"]["trust"] == trust
        assert found["experiment"]["attack"] == "signflip"
        assert len(found["scores"]) == len(found["rounds"]) == 7
        assert len(found["sent_bytes"]) == 10


@pytest.mark.parametrize("flag", ["--loss", "--churn", "--attackers"])
def test_shares_are_below_one(data, flag):
    shown = simulate(3, "--data", data, flag, "1")
    assert shown.exit_code == 2
    assert "0<=x<1" in shown.output


def test_a_sweep_compares_settings_over_seeds(data):
    arguments = (4, "--data", data, "--sweep", "keep-ratio=0.1,0.2", "--seeds", 2, "--seed", 5)
    shown = simulate(*arguments, "--workers", 2)
    assert shown.exit_code == 0, shown.output
    assert re.search(r"keep_ratio 0.1, seed 5 .*\n.*keep_ratio 0.1, seed 6 ", shown.stdout)
    assert re.search(r"mean keep_ratio 0.2 +[\d.]+ +[\d.]+% ± [\d.]+%", shown.stdout)
    assert re.search(r"\d+ node-rounds in", shown.stdout)
    found = runs(simulate(*arguments, "--workers", 1, "--json", "-"))
    assert [each["changes"] for each in found] == [{"keep_ratio": r} for r in (0.1, 0.1, 0.2, 0.2)]
    assert [each["experiment"]["manifest"]["keep_ratio"] for each in found] == [0.1, 0.1, 0.2, 0.2]
    assert [each["experiment"]["seed"] for each in found] == [5, 6, 5, 6]


@pytest.mark.parametrize(
    ("sweep", "said"),
    [
        ("colour=red", "with a flag of a node"),
        ("seed=1,2", "with a flag of a node"),
        ("loss", "with a flag of a node"),
        ("json=a", "with a flag of a node"),
        ("linear=1", "flags without a value"),
    ],
)
def test_sweeps_are_over_flags_with_values(data, sweep, said):
    shown = simulate(3, "--data", data, "--sweep", sweep)
    assert isinstance(shown.exception, ConfigError)
    assert said in str(shown.exception)


def test_swept_values_are_checked_as_their_flag_checks_them(data):
    shown = simulate(3, "--data", data, "--sweep", "loss=0.1,2")
    assert shown.exit_code == 2
    assert "0<=x<1" in shown.output


def test_files_are_written_beside_the_table(data, tmp_path):
    path = tmp_path / "found.json"
    shown = simulate(3, "--data", data, "--json", path)
    assert "node-rounds in" in shown.stdout
    (found,) = json.loads(path.read_text())["runs"]
    assert found["experiment"]["nodes"] == 3


def test_a_place_that_cannot_be_written_is_named_before_anything_runs(data, tmp_path):
    shown = simulate(3, "--data", data, "--json", tmp_path / "nowhere" / "found.json")
    assert isinstance(shown.exception, ConfigError)
    assert "cannot write" in str(shown.exception)
    assert not shown.output


def test_nodes_come_and_go_as_a_trace_says(data, tmp_path):
    trace = tmp_path / "trace.csv"
    trace.write_text("node,from_s,to_s\n0,0,0.001\n1,0,10\n")
    (found,) = runs(simulate(3, "--data", data, "--churn", trace, "--json", "-"))
    never, third, always = found["rounds"]
    assert never == 0
    assert 0 < third < always
    swept = simulate(3, "--data", data, "--sweep", f"churn=0.1,{trace}", "--json", "-")
    assert [each["changes"]["churn"] for each in runs(swept)] == [0.1, str(trace)]


def test_help_names_every_baseline():
    words = re.sub(r"\s", "", CliRunner().invoke(command, ["--help"]).output)
    for name in (*PLAIN, *TUNED):
        assert name in words


def test_help_tells_of_every_option_once():
    shown = CliRunner().invoke(command, ["--help"])
    for option in command.params:
        if isinstance(option, click.Option):
            assert len(re.findall(rf"^  (-h, )?{option.opts[-1]}\b(?!-)", shown.output, re.M)) == 1
    headings = ["Readings:", "Runs:", "Nodes:", "Links:", "Results:", "Model, training and gossip"]
    places = [shown.output.index(f"\n{heading}") for heading in headings]
    assert places == sorted(places)
