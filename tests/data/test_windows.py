"""Windows and forecasts: against a plain definition, and in files."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.data.csv_source import FeatureColumns
from gossipfl.data.csv_table import csv_table
from gossipfl.data.sources import Schema, Windowing, infer_schema, read
from gossipfl.errors import ConfigError, DataError

windowings = st.builds(
    Windowing,
    length=st.integers(1, 5),
    stride=st.integers(1, 7),
    horizon=st.integers(0, 4),
)


@given(windowings, st.integers(1, 40), st.integers(1, 3))
def test_windows_are_what_their_definition_says(windowing, rows, columns):
    features = np.arange(rows * columns, dtype=np.float32).reshape(rows, columns)
    targets = np.arange(rows) * 10
    length, horizon = windowing.length, windowing.horizon
    starts = [s for s in range(0, rows, windowing.stride) if s + length + horizon <= rows]
    assert windowing.count(rows) == len(starts)
    if not starts:
        return
    found = windowing.cut(features)
    expected = [features[s : s + length].ravel() for s in starts]
    np.testing.assert_array_equal(found, expected)
    assert found.flags.c_contiguous
    assert found.dtype == np.float32
    ahead = [targets[s + length - 1 + horizon] for s in starts]
    assert windowing.targets(targets).tolist() == ahead


@given(windowings, st.integers(1, 40))
def test_a_stream_gives_the_same_windows_as_a_file(windowing, rows):
    features = np.arange(rows * 2, dtype=np.float32).reshape(rows, 2)
    rolled = list(windowing.roll((line, row) for line, row in enumerate(features.tolist())))
    count = windowing.count(rows)
    if count:
        np.testing.assert_array_equal([row for _, row in rolled[:count]], windowing.cut(features))
    # The newest windows, whose future nobody knows yet, are what a forecast is for.
    assert len(rolled) >= count
    assert all(line == row[-1] // 2 for line, row in rolled)


def test_the_majority_labels_a_window_and_ties_go_to_the_first_class():
    windowing = Windowing(length=4, stride=4, label="majority")
    labels = np.array([2, 2, 0, 1, 1, 0, 1, 0, 2, 2, 2])
    assert windowing.targets(labels).tolist() == [2, 0]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"length": 0}, "length is 1 to 65536 rows, not 0"),
        ({"stride": 0}, "stride is 1"),
        ({"horizon": -1}, "horizon is 0"),
        ({"length": True}, "length is 1"),
        ({"label": "first"}, "last or majority, not 'first'"),
        ({"label": "majority", "horizon": 1}, "a forecast has no majority"),
    ],
)
def test_bad_windows_are_refused(changes, said):
    with pytest.raises(ConfigError, match=said):
        Windowing(**changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"windowing": Windowing(length=40_000)}, "1 to 65536 features, columns times rows"),
        ({"windowing": Windowing(length=2, label="majority")}, "values have no majority"),
        ({"target": ("y", "z")}, "one value each"),
        ({"target": ("y", "y"), "values": 2}, "a name of its own"),
        ({"target": ()}, "a name of its own"),
        ({"target": "a"}, "a name of its own"),
        (
            {"target": "a", "windowing": Windowing(horizon=1), "classes": ("x", "y")},
            "a name of its own",
        ),
        ({"columns": ("a", "a"), "windowing": Windowing(horizon=1)}, "a name of its own"),
    ],
)
def test_schemas_that_do_not_fit_together(changes, said):
    with pytest.raises(ConfigError, match=said):
        Schema(**({"columns": ("a", "b"), "target": "y"} | changes))


@pytest.fixture
def series(tmp_path):
    lines = [f"{t},{t * t}.0,{'rest' if t < 6 else 'move'}" for t in range(10)]
    path = tmp_path / "series.csv"
    path.write_text("\n".join(["t,v,what", *lines]) + "\n")
    return path


def test_windows_of_a_file(series):
    schema = infer_schema(series, "what", Windowing(length=4, stride=3, label="majority"))
    assert (schema.inputs, schema.columns, schema.classes) == (8, ("t", "v"), ("move", "rest"))
    found = read(series, schema=schema)
    assert found.features.tolist() == [
        [0, 0, 1, 1, 2, 4, 3, 9],
        [3, 9, 4, 16, 5, 25, 6, 36],
        [6, 36, 7, 49, 8, 64, 9, 81],
    ]
    assert [schema.classes[i] for i in found.targets] == ["rest", "rest", "move"]
    assert found.columns[:3] == ("t@-3", "v@-3", "t@-2")
    assert found.columns[-1] == "v@0"


def test_a_forecast_sees_the_past_of_its_target(series):
    schema = infer_schema(series, "v", Windowing(length=2, stride=1, horizon=3))
    assert schema.columns == ("t", "v", "what")
    schema = Schema(columns=("t", "v"), target="v", windowing=schema.windowing)
    found = read(series, schema=schema)
    assert found.targets.tolist() == [[(t + 4) ** 2] for t in range(6)]
    assert found.features[0].tolist() == [0, 0, 1, 1]


def test_several_targets(series, tmp_path):
    path = tmp_path / "values.csv"
    path.write_text("a,b,c\n1,2.5,3\n4,5.5,6\n")
    schema = infer_schema(path, ("c", "b"))
    assert (schema.columns, schema.outputs, schema.value_names) == (("a",), 2, ("c", "b"))
    assert read(path, schema=schema).targets.tolist() == [[3, 2.5], [6, 5.5]]
    with pytest.raises(DataError, match="several targets must be numbers"):
        infer_schema(series, ("v", "what"))


def test_too_short_a_series_is_told(series):
    schema = infer_schema(series, "what", Windowing(length=9, stride=9, horizon=2))
    with pytest.raises(DataError, match="10 rows, but one example takes 11; record longer"):
        read(series, schema=schema)


def test_windows_that_would_fill_memory_are_refused(series, monkeypatch):
    monkeypatch.setattr("gossipfl.data.rows.EXAMPLES_BYTES_MAX", 100)
    schema = infer_schema(series, "what", Windowing(length=4))
    with pytest.raises(DataError, match="raise the stride"):
        read(series, schema=schema)


def test_npz_rows_are_windows_already(tmp_path):
    windows = np.arange(24, dtype=np.float32).reshape(3, 4, 2)
    np.savez(tmp_path / "w.npz", X=windows, y=[0, 1, 0])
    schema = Schema(
        columns=("a", "b"), target="y", classes="01", windowing=Windowing(length=4, stride=2)
    )
    assert read(tmp_path / "w.npz", schema=schema).features.shape == (3, 8)
    with pytest.raises(DataError, match="are windows already"):
        infer_schema(tmp_path / "w.npz", "y", Windowing(length=4))


def test_examples_come_while_rows_are_read():
    def lines():
        yield "b,a\n"
        yield "1,2\n"
        yield "3,4\n"
        raise AssertionError("read ahead")

    schema = Schema(columns=("a", "b"), target="y", windowing=Windowing(length=2, horizon=5))
    columns = FeatureColumns.find(csv_table(lines(), "test"), schema)
    assert next(columns.examples()) == (3, [2, 1, 4, 3])
