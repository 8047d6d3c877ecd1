"""Data files: what is read, and what every fault says."""

import contextlib
import io
import os
import re
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.data.rows import make_examples
from gossipfl.data.sources import (
    Dataset,
    Schema,
    check_trainable,
    infer_schema,
    read,
    read_csv,
    split_validation,
)
from gossipfl.data.windows import Windowing
from gossipfl.errors import ConfigError, DataError

SCHEMA = Schema(columns=("warm", "wet"), target="mood", classes=("glad", "sad"))
VALUES = Schema(columns=("warm", "wet"), target="mood")
GOOD = "wet,mood,warm\n1,sad,2\n\n3,glad,4.5\n"


def write(tmp_path, text, name="data.csv"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def savez(tmp_path, **arrays):
    path = tmp_path / "data.npz"
    np.savez_compressed(path, **arrays)
    return path


def test_csv_columns_come_in_schema_order(tmp_path):
    found = read(write(tmp_path, "\ufeff" + GOOD), schema=SCHEMA)
    np.testing.assert_array_equal(found.features, [[2, 1], [4.5, 3]])
    np.testing.assert_array_equal(found.targets, [1, 0])
    assert found.features.dtype == np.float32
    assert found.features.flags.c_contiguous
    assert found.targets.dtype == np.int64
    assert (found.columns, found.source) == (("warm", "wet"), str(tmp_path / "data.csv"))


def test_csv_values(tmp_path):
    found = read(write(tmp_path, "wet,mood,warm\n1,0.5,2\n"), schema=VALUES)
    np.testing.assert_array_equal(found.targets, np.array([[0.5]], np.float32))
    assert found.targets.dtype == np.float32


def test_csv_with_a_count_of_columns(tmp_path):
    path = write(tmp_path, GOOD)
    schema = Schema(columns=2, target="mood", classes=("glad", "sad"))
    assert read(path, schema=schema).columns == ("wet", "warm")
    with pytest.raises(DataError, match="2 feature columns, but the cluster has 3"):
        read(path, schema=Schema(columns=3, target="mood", classes=("glad", "sad")))


CSV_FAULTS = [
    ("", "empty; its first line must name the columns"),
    ("1,2,3\n4,5,6\n", "line 1: numbers; the first line must name the columns"),
    ("warm;wet;mood\n1;2;sad\n", "separate the columns by commas"),
    ("warm,wet,wet\n", "two columns named 'wet'; rename one"),
    ("warm,mood\n1,sad\n", "no column 'wet'; add it, or rename one of 'warm', 'mood'"),
    ("warm,wet\n1,2\n", "no column 'mood'"),
    ("warm,wet,mood\n", "no rows"),
    ("warm,wet,mood\n1,2,sad\n1,x7,sad\n", "line 3, column 'wet': 'x7' is not a number; correct"),
    ("warm,wet,mood\n1,1_0,sad\n", "'1_0' is not a number"),
    ("warm,wet,mood\n1,,sad\n", "line 2, column 'wet': empty; fill it in or drop the row"),
    ("warm,wet,mood\n1,nan,sad\n", "nan is not a finite float32"),
    ("warm,wet,mood\n-inf,1,sad\n", "column 'warm': -inf is not a finite float32"),
    ("warm,wet,mood\n1,1e39,sad\n", "1e39 is not a finite float32"),
    ("warm,wet,mood\n1,2,angry\n", "line 2, column 'mood': 'angry' is not a class of this cluster"),
    ("warm,wet,mood\n1,2,sad,3\n", "line 2: 4 cells, but 3 columns; quote text"),
    ('warm,wet,mood\n1,2,"sad\n', "not a CSV file"),
    (b"warm,wet,mood\n\xff,2,sad\n", "not UTF-8"),
    (b"PK\x03\x04\x00\x00\xff", "not UTF-8"),
]


@pytest.mark.parametrize(("text", "message"), CSV_FAULTS)
def test_csv_faults_name_place_and_remedy(tmp_path, text, message):
    path = write(tmp_path, text)
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        read_csv(path, schema=SCHEMA)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["none.csv", "none.npz"])
def test_missing_files(tmp_path, name):
    with pytest.raises(DataError, match=r"cannot read .*No such file"):
        read(tmp_path / name, schema=SCHEMA)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("name", ["data.csv", "data.npz"])
def test_unreadable_files(tmp_path, name):
    path = write(tmp_path, GOOD, name)
    path.chmod(0)
    with pytest.raises(DataError, match="check path and rights"):
        read(path, schema=SCHEMA)


@pytest.mark.parametrize("name", ["data.csv", "data.npz"])
def test_directories_are_not_files(tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(DataError, match="cannot read"):
        read(tmp_path / name, schema=SCHEMA)


def test_other_suffixes_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"neither \.csv, \.npz nor \.parquet"):
        read(tmp_path / "data.xlsx", schema=SCHEMA)


@pytest.mark.parametrize("dtype", ["u1", "i2", "f2", "f8", "?", ">f4"])
def test_npz_of_any_number_type_is_flattened(tmp_path, dtype):
    pixels = np.arange(24).reshape(3, 2, 2, 2).astype(dtype)
    schema = Schema(columns=8, target="y", classes=("0", "1", "2"))
    found = read(savez(tmp_path, X=np.asfortranarray(pixels), y=[2, 1, 0]), schema=schema)
    np.testing.assert_array_equal(found.features, pixels.reshape(3, 8).astype("f4"))
    assert found.features.dtype == np.float32
    assert found.features.flags.c_contiguous
    np.testing.assert_array_equal(found.targets, [2, 1, 0])
    assert found.columns[:2] == ("x0", "x1")


def test_npz_train_keys_and_values(tmp_path):
    path = savez(tmp_path, X_train=np.zeros((2, 3)), y_train=[[1.0, 2], [3, 4]], X_test=[1])
    schema = Schema(columns=3, target="y", values=2)
    np.testing.assert_array_equal(read(path, schema=schema).targets, [[1, 2], [3, 4]])
    assert infer_schema(path) == schema


@pytest.mark.parametrize("labels", [["sad", "glad"], [b"sad", b"glad"], [1, 0], [1.0, 0.0]])
def test_npz_labels_are_words_or_indices(tmp_path, labels):
    path = savez(tmp_path, X=np.zeros((2, 2)), y=labels)
    np.testing.assert_array_equal(read(path, schema=SCHEMA).targets, [1, 0])


def test_numeric_labels_are_names_not_indices(tmp_path):
    path = savez(tmp_path, X=np.zeros((2, 2)), y=[9, 5])
    schema = Schema(columns=2, target="y", classes=("5", "9"))
    np.testing.assert_array_equal(read(path, schema=schema).targets, [1, 0])


ROWS = np.zeros((2, 2))
NPZ_FAULTS = [
    ({"a": ROWS}, "no arrays X and y (or X_train and y_train), but a; save both with"),
    ({"X": ROWS, "y": [0]}, "X is (2, 2), y is (1,); give each row a target"),
    ({"X": 1, "y": 1}, "give each row a target"),
    ({"X": ROWS[:0], "y": []}, "no rows"),
    ({"X": np.zeros((2, 3)), "y": [0, 1]}, "3 features a row, but the cluster has 2"),
    ({"X": [["a", "b"]], "y": [0]}, "X: holds <U1; convert it to numbers"),
    ({"X": [[0, 0], [0, np.nan]], "y": [0, 1]}, "X, row 1, column 1: nan is not a finite float32"),
    ({"X": [[0, 1e39]], "y": [0]}, "row 0, column 1: 1e+39 is not a finite float32"),
    (
        {"X": ROWS, "y": ["sad", "odd"]},
        "y, row 1: 'odd' is not a class of this cluster (glad, sad)",
    ),
    ({"X": ROWS, "y": [0, 2]}, "y, row 1: '2' is not a class"),
    ({"X": ROWS, "y": [0, 0.5]}, "y, row 1: 0.5 is not a class; use whole numbers"),
    ({"X": ROWS, "y": ROWS}, "y is (2, 2); one class label a row is needed"),
    ({"X": np.array([[1, {}]], object), "y": [0]}, "X holds Python objects, which are never"),
]


@pytest.mark.parametrize(("arrays", "message"), NPZ_FAULTS)
def test_npz_faults_name_place_and_remedy(tmp_path, arrays, message):
    path = savez(tmp_path, **arrays)
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        read(path, schema=SCHEMA)
    assert str(path) in str(caught.value)


def archive(**members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as written:
        for name, content in members.items():
            written.writestr(f"{name}.npy", content)
    return file.getvalue()


def header(shape, descr="<f4"):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        file, {"shape": shape, "fortran_order": False, "descr": descr}
    )
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a zip",
        archive(X=b"", y=b""),
        archive(X=b"\x93NUMPY\x09\x00", y=b""),
        archive(X=header((10**12,)), y=header((1,))),
        archive(X=header((2**62, 8)), y=header((1,))),
        archive(X=header((-1, 4)), y=header((1,))),
        archive(X=header((3,)) + bytes(5), y=header((1,))),
    ],
)
def test_damaged_archives_are_refused_before_allocating(tmp_path, content):
    path = write(tmp_path, content, "data.npz")
    with pytest.raises(DataError, match=r"data.npz.*savez"):
        read(path, schema=SCHEMA)


def good_archive():
    file = io.BytesIO()
    np.savez_compressed(file, X=np.arange(8.0).reshape(4, 2), y=[0, 1, 0, 1])
    return file.getvalue()


@given(st.lists(st.tuples(st.integers(0, 800), st.integers(0, 255)), min_size=1, max_size=4))
def test_mutated_archives_never_crash(tmp_path_factory, changes):
    content = bytearray(good_archive())
    for place, value in changes:
        content[place % len(content)] = value
    path = write(tmp_path_factory.getbasetemp(), bytes(content), "mutated.npz")
    with contextlib.suppress(DataError):
        read(path, schema=SCHEMA)


def test_oversized_files_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("gossipfl.data.csv_source.CSV_BYTES_MAX", 10)
    with pytest.raises(DataError, match="keep fewer rows"):
        read(write(tmp_path, GOOD), schema=SCHEMA)
    monkeypatch.setattr("gossipfl.data.npz_source.ARRAY_BYTES_MAX", 10)
    with pytest.raises(DataError, match="keep fewer rows"):
        read(savez(tmp_path, X=ROWS, y=[0, 1]), schema=SCHEMA)


@pytest.mark.parametrize(
    ("moods", "classes"),
    [
        (["sad", "glad", "sad"], ("glad", "sad")),
        (["10", "9", "-1"], ("-1", "9", "10")),
        (["0.5", "1", "2"], ()),
    ],
)
def test_infer_csv(tmp_path, moods, classes):
    path = write(tmp_path, "wet,mood,warm\n" + "".join(f"1,{mood},2\n" for mood in moods))
    schema = infer_schema(path, "mood")
    assert schema == Schema(columns=("wet", "warm"), target="mood", classes=classes)
    assert len(read(path, schema=schema)) == 3


def test_many_whole_numbers_are_values(tmp_path):
    path = write(tmp_path, "a,b\n" + "".join(f"1,{i}\n" for i in range(101)))
    assert infer_schema(path, "b").classes == ()


@pytest.mark.parametrize(
    ("text", "target", "message"),
    [
        (GOOD, None, "name the column to predict"),
        (GOOD, "joy", "no column 'joy'"),
        ("a,b\n", "b", "no rows"),
        ("a,b\n1,x\n", "b", "1 different labels, not 2 to 1000"),
        ("a,b\n" + "".join(f"1,id{i}\n" for i in range(1001)), "b", "1001 different labels"),
    ],
)
def test_infer_csv_faults(tmp_path, text, target, message):
    with pytest.raises(DataError, match=message):
        infer_schema(write(tmp_path, text), target)


@pytest.mark.parametrize(
    ("shape", "dimensions", "seen"),
    [
        ((2, 3), (), (3,)),
        ((2,), (), (1,)),
        ((2, 4, 3), (4, 3), (4, 3)),
        ((2, 2, 2, 1), (2, 2, 1), (2, 2, 1)),
    ],
)
def test_npz_dimensions_are_kept(tmp_path, shape, dimensions, seen):
    path = savez(tmp_path, X=np.ones(shape), y=[0, 1])
    schema = infer_schema(path)
    assert (schema.dimensions, schema.shape) == (dimensions, seen)
    assert read(path, schema=schema).features.shape == (2, schema.inputs)


def test_infer_npz_classes(tmp_path):
    found = infer_schema(savez(tmp_path, X=np.zeros((3, 5)), y=[3, 10, 3]))
    assert found == Schema(columns=5, target="y", classes=("3", "10"))
    assert (found.inputs, found.outputs) == (5, 2)


@pytest.mark.parametrize(
    "changes",
    [
        {"columns": ()},
        {"columns": 0},
        {"columns": 10**6},
        {"columns": ("a", "a")},
        {"columns": ("y",)},
        {"classes": ("a",)},
        {"classes": ("a", "a")},
        {"values": 0},
        {"dimensions": (2, 1)},
    ],
)
def test_bad_schemas_are_refused(changes):
    with pytest.raises(ConfigError):
        Schema(**{"columns": ("a",), "target": "y", **changes})


def labelled(classes, columns=1):
    classes = np.array(classes, np.int64)
    features = np.arange(len(classes) * columns, dtype=np.float32).reshape(len(classes), columns)
    names = tuple(f"c{i}" for i in range(columns))
    return Dataset(features=features, targets=classes, columns=names, source="here")


@given(st.lists(st.integers(0, 3), min_size=1, max_size=60), st.floats(0, 0.9), st.integers(0, 99))
def test_split_is_disjoint_covering_and_stratified(classes, fraction, seed):
    rows = labelled(classes)
    train, held = split_validation(rows, fraction, np.random.default_rng(seed))
    parts = [train] if held is None else [train, held]
    assert len(train) >= 1
    everything = np.concatenate([part.features[:, 0] for part in parts])
    assert sorted(everything) == list(range(len(classes)))
    if held is not None and len(classes) > 1:
        for c in set(classes):
            share = classes.count(c) * fraction
            assert (held.targets == c).sum() <= share + 1


@given(
    st.integers(1, 400),
    st.integers(1, 30),
    st.integers(1, 9),
    st.integers(0, 5),
    st.integers(0, 99),
)
def test_no_window_held_back_shares_a_row_with_training(rows, length, stride, horizon, seed):
    windowing = Windowing(length=length, stride=stride, horizon=horizon)
    schema = Schema(columns=("place",), target="y", windowing=windowing)
    places = np.arange(rows, dtype=np.float32).reshape(-1, 1)
    if not windowing.count(rows):
        return
    examples = make_examples(schema, places, places.astype(np.float64), ("place",), "here")
    train, held = split_validation(examples, 0.1, np.random.default_rng(seed))
    if held is None:
        assert len(train) == windowing.count(rows)
        return

    def seen(part: Dataset) -> set[float]:
        """The rows of windows, and those up to their targets."""
        firsts = part.features[:, 0]
        return {first + place for first in firsts for place in range(windowing.rows)}

    assert not seen(train) & seen(held)
    assert len(held) <= 0.1 * len(examples) + 1 + len(examples) // (5 * windowing.reach)


def test_stretches_leave_little_out():
    schema = Schema(columns=("place",), target="y", windowing=Windowing(length=50, stride=10))
    places = np.arange(20_000, dtype=np.float32).reshape(-1, 1)
    examples = make_examples(schema, places, places.astype(np.float64), ("place",), "here")
    train, held = split_validation(examples, 0.1, np.random.default_rng(0))
    assert held is not None
    assert len(held) == pytest.approx(0.1 * len(examples), rel=0.05)
    assert len(train) > 0.8 * len(examples)


def test_split_of_values():
    values = Dataset(
        features=np.zeros((100, 1), np.float32),
        targets=np.zeros((100, 1), np.float32),
        columns=("a",),
        source="here",
    )
    train, held = split_validation(values, 0.2, np.random.default_rng(0))
    assert held is not None
    assert abs(len(held) - 20) <= 1
    assert len(train) + len(held) == 100
    assert split_validation(values, 0.0, np.random.default_rng(0))[1] is None


def test_warnings_for_people():
    assert check_trainable(labelled([0, 1] * 6)) == []
    assert "every row has class 2" in check_trainable(labelled([2] * 12))[0]
    assert "only 3 rows" in check_trainable(labelled([0, 1, 2]))[0]
    still = labelled([0, 1] * 6, columns=5)
    still.features[:] = 7
    assert "constant here: c0, c1, c2 and 2 more" in check_trainable(still)[0]


@pytest.mark.parametrize(
    "changes",
    [
        {"features": np.zeros((2, 1))},
        {"features": np.zeros((3, 1), np.float32)},
        {"features": np.zeros((2, 2), np.float32)},
        {"targets": np.zeros(2, np.float32)},
        {"targets": np.zeros((2, 1), np.int64)},
        {"targets": np.zeros((2, 1, 1), np.float32)},
        {"features": np.zeros((0, 1), np.float32), "targets": np.zeros(0, np.int64)},
    ],
)
def test_parts_that_do_not_belong_together_are_refused(changes):
    parts = {
        "features": np.zeros((2, 1), np.float32),
        "targets": np.zeros(2, np.int64),
        "columns": ("a",),
        "source": "here",
    }
    with pytest.raises(DataError, match="here"):
        Dataset(**parts | changes)
