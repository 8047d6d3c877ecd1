"""Sharing one data file out."""

from pathlib import Path

import numpy as np
import pytest

from gossipfl.data.schema import Schema
from gossipfl.data.sources import infer_schema, read
from gossipfl.data.windows import Windowing
from gossipfl.errors import ConfigError, DataError
from gossipfl.node.harness.parts import Parts, make_parts, share_out


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    features = np.arange(200, dtype="f4").reshape(100, 2)
    path = tmp_path / "all.npz"
    np.savez(path, X=features, y=rng.integers(0, 3, 100), group=np.repeat(["a", "b"], 50))
    return path


def split(data: Path, spec: str, nodes: int, test: Path | None = None) -> Parts:
    schema = infer_schema(data)
    return make_parts(data, test, schema, spec, nodes, None, data.parent / "parts", seed=1)


def rows_of(parts: Parts, schema: Schema) -> list[set[float]]:
    return [set(read(file, schema=schema).features[:, 0].tolist()) for file in parts.files]


@pytest.mark.parametrize("spec", ["iid", "dirichlet:0.5", "shards:2", "quantity:0.5"])
def test_no_row_is_in_two_places(data: Path, spec: str) -> None:
    parts = split(data, spec, 4)
    places = [*rows_of(parts, infer_schema(data)), set(parts.test.features[:, 0].tolist())]
    assert sum(map(len, places)) == 100 == len(set().union(*places))
    assert 10 <= len(parts.test) <= 30
    assert "node" in parts.table


def test_by_group_gives_each_group_a_node(data: Path) -> None:
    first, second = rows_of(split(data, "by-group", 2), infer_schema(data))
    assert max(first) < 100 <= min(second)


def test_a_test_file_keeps_all_rows_for_training(data: Path) -> None:
    parts = split(data, "iid", 5, test=data)
    assert sum(len(rows) for rows in rows_of(parts, infer_schema(data))) == 100
    assert len(parts.test) == 100


def test_csv_groups(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    lines = [f"{i},{i % 2},{'ab'[i % 2]},{'xyz'[i % 3]}" for i in range(60)]
    path.write_text("\n".join(["v,w,who,y", *lines]))
    schema = Schema(columns=("v", "w"), target="y", classes=("x", "y", "z"))
    parts = make_parts(path, None, schema, "by-group", 2, "who", tmp_path / "p", seed=0)
    for part in rows_of(parts, schema):
        assert len({value % 2 for value in part}) == 1
    with pytest.raises(DataError, match="--group"):
        make_parts(path, None, schema, "by-group", 2, None, tmp_path / "p", seed=0)
    with pytest.raises(DataError, match="no column 'whom'"):
        make_parts(path, None, schema, "by-group", 2, "whom", tmp_path / "p", seed=0)


def test_what_cannot_be_shared_out_says_why(data: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="2 groups"):
        split(data, "by-group", 3)
    bare = tmp_path / "bare.npz"
    np.savez(bare, X=np.zeros((30, 2), "f4"), y=np.arange(30) % 2)
    with pytest.raises(DataError, match="group"):
        split(bare, "by-group", 2)


def test_regression_targets_survive(tmp_path: Path) -> None:
    path = tmp_path / "values.npz"
    np.savez(path, X=np.zeros((40, 2), "f4"), y=np.linspace(0.5, 3, 40).astype("f4"))
    schema = infer_schema(path)
    parts = make_parts(path, None, schema, "iid", 2, None, tmp_path / "p", seed=0)
    found = np.concatenate([read(file, schema=schema).targets for file in parts.files])
    assert found.dtype == np.float32
    assert found.shape == (40 - len(parts.test), 1)


def split_csv(path: Path, schema: Schema) -> Parts:
    return make_parts(path, None, schema, "by-group", 2, "who", path.parent / "p", seed=0)


def test_groups_do_not_go_with_windows_of_rows(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("v,who,y\n" + "1,a,x\n2,b,z\n" * 20)
    schema = Schema(columns=("v",), target="y", classes="xz", windowing=Windowing(length=2))
    with pytest.raises(DataError, match="save windows as NPZ"):
        make_parts(
            tmp_path / "rows.csv", None, schema, "by-group", 2, "who", tmp_path / "p", seed=0
        )


def test_feature_skew_changes_what_nodes_measure_but_not_what_judges_them(data: Path) -> None:
    schema = infer_schema(data)
    plain, skewed = (share_out(data, None, schema, s, 3, None, 1) for s in ("iid", "feature:0.5"))
    np.testing.assert_array_equal(plain.test.features, skewed.test.features)
    for one, other in zip(plain.parts, skewed.parts, strict=True):
        np.testing.assert_array_equal(one.targets, other.targets)
        assert (one.features != other.features).mean() > 0.9
