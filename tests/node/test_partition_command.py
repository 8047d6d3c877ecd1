"""`gossipfl partition`: a table, a picture, and files on request."""

import re

import numpy as np
import pytest

from gossipfl.data.sources import infer_schema, read


@pytest.fixture
def data(tmp_path):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "all.npz", X=rng.normal(size=(300, 4)), y=np.arange(300) % 3)
    return "all.npz"


def show(ok, data, spec, *more):
    return ok("partition", "--data", data, "--nodes", "4", "--partition", spec, *more)


@pytest.mark.parametrize("spec", ["iid", "dirichlet:0.2", "shards:1", "quantity:0.3", "feature:1"])
def test_every_partition_has_a_table_and_a_bar_a_node(ok, data, spec):
    lines = show(ok, data, spec).splitlines()
    table = [list(map(int, line.split())) for line in lines[1:5]]
    assert lines[0].split() == ["node", "0", "1", "2", "rows"]
    assert all(sum(row[1:4]) == row[4] for row in table)
    assert sum(row[4] for row in table) == 240
    found = [re.fullmatch(r"node (\d)   ([012]*) * (\d+) rows, shift (\d\.\d\d)", x) for x in lines]
    bars = [match for match in found if match]
    largest = max(row[4] for row in table)
    for row, bar in zip(table, bars, strict=True):
        assert int(bar[3]) == row[4]
        assert len(bar[2]) == round(60 * row[4] / largest)
        for label in range(3):
            assert bar[2].count(str(label)) == pytest.approx(60 * row[1 + label] / largest, abs=1)
    if spec == "feature:1":
        assert max(float(bar[4]) for bar in bars) > 0.3
    check_cells([x for x in lines if x.startswith("node") and x.endswith("|")], table)
    start = next(i for i, line in enumerate(lines) if line.startswith("shift"))
    assert set(lines[start].split()[1:]) == {"x0", "x1", "x2", "x3"}
    values = np.array([line.split()[2:] for line in lines[start + 1 : start + 5]], float)
    assert values.shape == (4, 4)
    if spec == "feature:1":
        assert np.ptp(values, axis=0)[0] > 1
        assert (np.diff(np.ptp(values, axis=0)) <= 0.02).all()  # the most unequal one first
    assert lines[-1] == "60 rows for judging"


def check_cells(lines, table):
    """Each cell is as dark as the node's part of its class; the darkest has the most."""
    grid = [[" .░▒▓█".index(line[9 + 2 * label]) for label in range(3)] for line in lines]
    counts = np.array([row[1:4] for row in table])
    shares = counts / counts.sum(0)
    expected = np.where(counts == 0, 0, np.minimum(1 + (5 * shares).astype(int), 5))
    np.testing.assert_array_equal(grid, expected)


def test_a_regression_has_bars_too(ok, tmp_path):
    np.savez(tmp_path / "v.npz", X=np.eye(50), y=np.arange(50) / 3)
    out = show(ok, "v.npz", "shards:1")
    assert "node 3: 10 rows" in out
    assert out.count("0" * 60 + " 10 rows, shift") == 4


def test_parts_can_be_written(run, data, tmp_path):
    status, _, errors = run(
        *("partition", "--data", data, "--nodes", "3", "--partition", "iid", "--output", "parts")
    )
    assert (status, errors) == (0, "wrote 3 parts and test.npz to parts\n")
    schema = infer_schema(tmp_path / data)
    names = ("part-0", "part-1", "part-2", "test")
    rows = [len(read(tmp_path / "parts" / f"{name}.npz", schema=schema)) for name in names]
    assert sum(rows) == 300


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--partition", "shard:2"), "a partition is iid, dirichlet:ALPHA, shards:K"),
        (("--partition", "shards:90"), "240 rows make no 360 shards"),
        (("--partition", "by-group"), "no array 'group'"),
        (("--output", "all.npz"), "cannot write in all.npz"),
    ],
)
def test_errors_are_one_line(refused, data, arguments, said):
    assert said in refused("partition", "--data", data, "--nodes", "4", *arguments)
