"""What simulations leave behind: JSON, Parquet, pictures."""

import json
import sys
import xml.etree.ElementTree as ET

import pytest

from gossipfl.errors import ConfigError
from gossipfl.node.simulations import parquet, plot
from gossipfl.node.simulations.outputs import Outputs, as_json
from gossipfl.node.simulations.processes import Processes
from gossipfl.node.simulations.study import Case, Study
from gossipfl.node.simulations.sweep import run_all
from tests.simulator.task import experiment, manifest, rows


@pytest.fixture(scope="module")
def study() -> Study:
    """Two keep ratios, two seeds each, 3 looks a run."""
    held = rows()
    cases = [
        Case(
            experiment(
                manifest=manifest(keep_ratio=ratio), rounds=6, evaluate_every=3, seed=seed, nodes=3
            ),
            held,
            {"keep_ratio": ratio},
        )
        for ratio in (0.1, 0.5)
        for seed in (7, 8)
    ]
    with Processes() as processes:
        return run_all(cases, processes, 1)


def test_runs_are_named_and_kept_apart_by_setting(study):
    labels = [case.label for case in study.cases]
    assert labels[:2] == ["keep_ratio 0.1, seed 7", "keep_ratio 0.1, seed 8"]
    assert study.by_setting == {
        "keep_ratio 0.1": list(study.results[:2]),
        "keep_ratio 0.5": list(study.results[2:]),
    }
    assert study.rate * study.wall_s == pytest.approx(study.node_rounds)


def test_json_has_every_setting_and_every_look(study):
    found = json.loads(as_json(study))
    assert found["node_rounds_per_s"] == study.rate
    for run, case, result in zip(found["runs"], study.cases, study.results, strict=True):
        assert run["changes"] == case.changes
        assert run["experiment"]["seed"] == case.experiment.seed
        assert run["experiment"]["manifest"]["layers"][0] == {"layer": "Dense", "units": 16}
        assert run["sent_bytes"] == list(result.sent_bytes)
        tests = [look["average"]["test"]["worst"] for look in run["curve"]]
        assert tests == [point.average.test.worst for point in result.curve]


def test_rows_of_a_table_have_the_same_columns(study):
    found = list(parquet.rows(study))
    assert len(found) == 4 * 3
    assert len({tuple(row) for row in found}) == 1
    last, point = found[-1], study.results[-1].curve[-1]
    assert (last["run"], last["seed"], last["setting_keep_ratio"]) == (3, 8, 0.5)
    assert last["sent_bytes"] == point.sent_bytes
    assert last["current_validation_worst"] == point.current.validation.worst
    assert last["own_mean"] is None


def test_swept_values_of_two_kinds_are_texts_in_a_table(study):
    cases = [
        Case(case.experiment, case.rows, {"churn": value})
        for case, value in zip(study.cases, (0.1, "trace.csv", 0.2, 0.3), strict=True)
    ]
    mixed = Study(cases=cases, results=study.results, wall_s=1.0)
    assert [row["setting_churn"] for row in parquet.rows(mixed)][::3] == [
        *("0.1", "trace.csv", "0.2", "0.3")
    ]


def test_a_parquet_file_reads_back(study, tmp_path):
    pq = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "looks.parquet"
    Outputs(parquet=path).write(study)
    table = pq.read_table(path)
    assert table.to_pylist() == list(parquet.rows(study))
    settings = json.loads(table.schema.metadata[parquet.METADATA_KEY.encode()])
    assert [each["seed"] for each in settings] == [7, 8, 7, 8]
    assert list(tmp_path.iterdir()) == [path]


def test_a_picture_has_a_line_a_seed_and_one_for_their_mean(study):
    pytest.importorskip("matplotlib")
    figure = plot.draw(study)
    by_bytes, by_rounds = figure.axes[:2]
    assert [axes.get_ylabel() for axes in figure.axes[::2]] == [
        *("accuracy, mean node", "accuracy, worst node", "spread of the models")
    ]
    assert len(by_bytes.lines) == len(by_rounds.lines) == 2 * 3
    for line, result in zip(by_rounds.lines[:2], study.results, strict=False):
        assert line.get_xdata().tolist() == [point.rounds for point in result.curve]
        assert line.get_ydata().tolist() == [point.average.test.mean for point in result.curve]
    seeds = [line.get_ydata() for line in by_rounds.lines[:2]]
    assert by_rounds.lines[2].get_ydata() == pytest.approx(sum(seeds) / 2)
    sent = [result.curve[-1].sent_bytes / 1000 for result in study.results[2:]]
    assert by_bytes.lines[-1].get_xdata()[-1] == pytest.approx(sum(sent) / 2)


def test_a_single_run_is_drawn_without_a_legend(study):
    pytest.importorskip("matplotlib")
    one = Study(
        cases=[Case(study.cases[0].experiment, rows())], results=study.results[:1], wall_s=1
    )
    figure = plot.draw(one)
    assert not figure.legends
    assert len(figure.axes[0].lines) == 1


def test_pictures_are_what_their_names_say_and_equal_for_equal_results(study, tmp_path):
    pytest.importorskip("matplotlib")
    first, again, png = (tmp_path / name for name in ("first.svg", "again.svg", "it.PNG"))
    for path in (first, again, png):
        Outputs(plot=path).write(study)
    assert first.read_bytes() == again.read_bytes()
    texts = "".join(ET.parse(first).getroot().itertext())
    assert "keep_ratio 0.5" in texts
    assert "kB sent by a node" in texts
    assert png.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("name", "package"), [("parquet", "pyarrow"), ("plot", "matplotlib")])
def test_a_missing_extra_is_named(monkeypatch, tmp_path, name, package):
    for module in (package, f"{package}.parquet"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigError, match=rf"{package} is not installed.*gossipfl\[{name}\]"):
        Outputs(**{name: tmp_path / "it.png"})


def test_files_that_could_not_be_written_are_refused_at_once(tmp_path):
    with pytest.raises(ConfigError, match="cannot write"):
        Outputs(json=tmp_path)
    with pytest.raises(ConfigError, match="cannot write"):
        Outputs(json=tmp_path / "no" / "it.json")


def test_pictures_of_another_kind_are_refused(tmp_path):
    pytest.importorskip("matplotlib")
    with pytest.raises(ConfigError, match=r"\.png or \.svg"):
        Outputs(plot=tmp_path / "it.gif")


def test_nothing_is_left_of_a_file_that_could_not_be_written(study, tmp_path, monkeypatch):
    path = tmp_path / "found.json"
    outputs = Outputs(json=path)
    path.mkdir()
    with pytest.raises(ConfigError, match="cannot write"):
        outputs.write(study)
    assert list(tmp_path.iterdir()) == [path]
