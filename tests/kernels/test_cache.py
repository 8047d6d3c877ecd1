"""Machine code of other sources never runs, and damaged code neither."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gossipfl.kernels import cache


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where sources lie, of which the cache knows nothing yet."""
    for name in ("outer.py", "inner.py"):
        (tmp_path / name).write_text(f"{name} = 1")
    monkeypatch.setattr(cache, "_SOURCES", tmp_path)
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    forget()
    yield tmp_path
    forget()


def forget() -> None:
    """As in a new process."""
    for function in (cache.folder, cache._sources, cache._target):
        function.cache_clear()


def stored(folder: Path) -> list[Path]:
    return sorted((folder / "__pycache__").glob("*.kernel"))


def test_what_was_written_is_read(folder: Path) -> None:
    assert cache.read("inner.f") is None
    assert not cache.is_filled()
    cache.write("inner.f", b"machine code")
    assert cache.read("inner.f") == b"machine code"
    assert cache.is_filled()
    assert cache.read("inner.g") is None


@pytest.mark.parametrize("name", ["inner.py", "outer.py", "new.py"])
def test_any_changed_source_drops_all_of_it(folder: Path, name: str) -> None:
    cache.write("inner.f", b"old")
    cache.write("inner.g", b"old")
    (folder / name).write_text("changed = 2")
    forget()
    assert cache.read("inner.f") is None
    assert not cache.is_filled()
    cache.write("inner.f", b"new")
    assert cache.read("inner.f") == b"new"
    assert len(stored(folder)) == 1


@pytest.mark.parametrize("variable", ["NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES"])
def test_other_processors_have_files_of_their_own(
    folder: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    cache.write("inner.f", b"for this one")
    monkeypatch.setenv(variable, "other")
    forget()
    assert cache.read("inner.f") is None
    cache.write("inner.f", b"for the other")
    monkeypatch.delenv(variable)
    forget()
    assert cache.read("inner.f") == b"for this one"


@pytest.mark.parametrize("damage", ["flip", "truncate", "empty"])
def test_damaged_files_are_missing(folder: Path, damage: str) -> None:
    cache.write("inner.f", bytes(100))
    (path,) = stored(folder)
    content = bytearray(path.read_bytes())
    content[50] ^= 1
    changed = {"flip": bytes(content), "truncate": bytes(content[:60]), "empty": b""}
    path.write_bytes(changed[damage])
    assert cache.read("inner.f") is None


def test_a_folder_that_cannot_be_written_only_costs_time(folder: Path) -> None:
    (folder / "__pycache__").write_text("a file in the way")
    cache.write("inner.f", b"machine code")
    assert cache.read("inner.f") is None
    assert (folder / "__pycache__").read_text() == "a file in the way"


def test_sources_that_nobody_may_write_to(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache.os, "access", lambda path, mode: False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    cache.write("inner.f", b"machine code")
    assert cache.folder() == tmp_path / "home" / "gossipfl"
    assert cache.read("inner.f") == b"machine code"


def test_a_users_own_cache_folder_is_respected(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "elsewhere"))
    assert tmp_path / "elsewhere" in cache.folder().parents
