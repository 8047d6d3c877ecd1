"""Parquet files give what the same CSV gives."""

import sys

import numpy as np
import pytest

from gossipfl.data.sources import Windowing, infer_schema, read
from gossipfl.errors import DataError

TEXT = "a,b,y,z\n1,2.5,glad,1\n3,4,sad,2\n5,6.25,glad,4\n"


def test_without_pyarrow_the_way_to_get_it_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(DataError, match=r"pip install 'gossipfl\[parquet\]'"):
        infer_schema(tmp_path / "x.parquet", "y")


@pytest.fixture
def files(tmp_path):
    """The same rows as CSV and as Parquet."""
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet

    columns = {"a": [1, 3, 5], "b": [2.5, 4, 6.25], "y": ["glad", "sad", "glad"], "z": [1, 2, 4]}
    pyarrow.parquet.write_table(pa.table(columns), tmp_path / "d.parquet")
    (tmp_path / "d.csv").write_text(TEXT)
    return tmp_path / "d.csv", tmp_path / "d.parquet"


def write(path, **columns):
    import pyarrow as pa
    import pyarrow.parquet

    pyarrow.parquet.write_table(pa.table(columns), path)
    return path


@pytest.mark.parametrize(
    ("target", "windowing"),
    [
        ("z", Windowing()),
        (("z", "b"), Windowing()),
        ("b", Windowing(length=2)),
        ("b", Windowing(horizon=1)),
    ],
)
def test_the_same_as_csv(files, target, windowing):
    csv, parquet = (infer_schema(path, target, windowing) for path in files)
    assert csv == parquet
    names = tuple(name for name in csv.columns if name != "y")
    import attrs

    schema = attrs.evolve(csv, columns=names)
    one, other = (read(path, schema=schema) for path in files)
    np.testing.assert_array_equal(one.features, other.features)
    np.testing.assert_array_equal(one.targets, other.targets)
    assert one.columns == other.columns


def test_classes(files):
    import attrs

    schema = infer_schema(files[1], "y")
    assert schema.classes == ("glad", "sad")
    assert read(files[1], schema=schema).targets.tolist() == [0, 1, 0]
    counted = attrs.evolve(schema, columns=3)
    assert read(files[1], schema=counted).features.shape == (3, 3)
    with pytest.raises(DataError, match="3 feature columns, but the cluster has 2"):
        read(files[1], schema=attrs.evolve(schema, columns=2))


def test_faults_name_place_and_remedy(files, tmp_path):
    schema = infer_schema(files[1], "y")
    good = {"a": [1.0, 2.0], "b": [1.0, 2.0], "y": ["glad", "sad"], "z": [1, 2]}
    for changed, said in [
        ({"a": [1.0, None]}, "row 1, column 'a': empty, or not a finite"),
        ({"a": [1.0, 1e39]}, "row 1, column 'a': empty, or not a finite"),
        ({"a": ["x", "y"]}, "column 'a': holds string; convert it"),
        ({"y": ["glad", "angry"]}, "row 1, column 'y': 'angry' is not a class"),
        ({"y": ["glad", None]}, "row 1, column 'y': empty"),
        ({"y": ["glad", "sad"][:0], "a": [], "b": [], "z": []}, "no rows|holds null"),
    ]:
        with pytest.raises(DataError, match=said):
            read(write(tmp_path / "bad.parquet", **(good | changed)), schema=schema)
    with pytest.raises(DataError, match="no column 'y'; add it, or rename one of 'a'"):
        read(write(tmp_path / "bad.parquet", a=[1], b=[2], z=[3]), schema=schema)
    with pytest.raises(DataError, match=r"cannot read .*none\.parquet"):
        read(tmp_path / "none.parquet", schema=schema)


@pytest.mark.parametrize("kept", [0, 3, 40, -1])
def test_damaged_files_are_told(files, tmp_path, kept):
    schema = infer_schema(files[1], "y")
    (tmp_path / "cut.parquet").write_bytes(files[1].read_bytes()[:kept])
    with pytest.raises(DataError, match="damaged or not a Parquet file"):
        read(tmp_path / "cut.parquet", schema=schema)


def test_large_files_are_refused_before_they_are_read(files, monkeypatch):
    monkeypatch.setattr("gossipfl.data.parquet_source.EXAMPLES_BYTES_MAX", 10)
    with pytest.raises(DataError, match="keep fewer rows"):
        infer_schema(files[1], "y")
