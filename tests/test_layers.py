"""Imports point downwards only, and the core stays free of I/O, time and chance."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "gossipfl"

# What each part may import of us; parts not listed are the core and may import each other.
ALLOWED = {
    "topologies": {"topologies"},
    "transports": {"transports", "topologies"},
    "simulation": {"simulation", "topologies"},
    "node": {"node", "transports", "topologies", "simulation", "datasets"},
    "__main__": {"node"},
}
OUTSIDE_CORE = frozenset(ALLOWED) | {"datasets"}
# Above the core, but just as free of I/O: time and chance are simulated there.
WITHOUT_IO = {"simulation", "topologies"}
# In the core, only these may touch files or the system: data sources read what they are given, and
# kernels keep compiled code.
MAY_USE_FILES = {
    "data/csv_source.py",
    "data/npz_source.py",
    "data/parquet_source.py",
    "data/sources.py",
    "learning/model_file.py",
    "config.py",
    "faults/script.py",
    "toml.py",
    "topologies/edge_file.py",
    "kernels/cache.py",
    "kernels/loader.py",
    "kernels/presence.py",
}
FORBIDDEN_IN_CORE = {
    "trio", "socket", "ssl", "select", "time", "datetime", "random", "threading", "asyncio",
    "subprocess", "os", "pathlib", "tempfile", "sqlite3", "zeroconf", "click", "rich",
}  # fmt: skip
FILES = {"os", "pathlib", "tempfile"}
GLOBAL_RANDOMNESS = {"seed", "rand", "randn", "randint", "normal", "uniform", "shuffle", "choice"}

MODULES = sorted(PACKAGE.rglob("*.py"))


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_parts(path: Path) -> set[str]:
    names = [name.split(".") for name in imports(path) if name.startswith("gossipfl.")]
    return {name[1] for name in names} & OUTSIDE_CORE


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_downwards(path: Path) -> None:
    assert own_parts(path) <= ALLOWED.get(part_of(path), set())


@pytest.mark.parametrize(
    "path",
    [path for path in MODULES if part_of(path) not in OUTSIDE_CORE - WITHOUT_IO],
    ids=lambda p: str(p.relative_to(PACKAGE)),
)
def test_the_core_does_no_io(path: Path) -> None:
    tops = {name.split(".")[0] for name in imports(path)}
    forbidden = set(FORBIDDEN_IN_CORE)
    if str(path.relative_to(PACKAGE)) in MAY_USE_FILES:
        forbidden -= FILES
    assert not tops & forbidden


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_nothing_pickles_and_nothing_draws_from_global_randomness(path: Path) -> None:
    assert not {name.split(".")[0] for name in imports(path)} & {"pickle", "marshal", "shelve"}
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Attribute) and node.attr in GLOBAL_RANDOMNESS:
            assert ast.unparse(node.value) not in ("np.random", "numpy.random", "random")
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            assert ast.unparse(node.value) == "False"


def test_a_planted_upward_import_is_caught(tmp_path: Path) -> None:
    planted = tmp_path / "planted.py"
    planted.write_text("from gossipfl.node.state.store import Store\n")
    assert own_parts(planted) == {"node"}


def test_the_top_level_names_are_links_into_the_package() -> None:
    for name in ("node", "transports", "topologies"):
        assert (PACKAGE.parent / name).resolve() == PACKAGE / name
