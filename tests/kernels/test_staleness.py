"""Machine code of other sources never runs."""

from pathlib import Path

import pytest

from gossipfl.kernels import staleness


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("outer.py", "inner.py"):
        (tmp_path / name).write_text(f"{name} = 1")
    monkeypatch.setattr(staleness, "_SOURCES", tmp_path)
    monkeypatch.setattr(staleness.config, "CACHE_DIR", "")
    return tmp_path


def compile_into(folder: Path) -> Path:
    staleness.forget_stale_kernels()
    compiled = folder / "__pycache__" / "outer.nbc"
    compiled.write_bytes(b"machine code")
    return compiled


def test_equal_sources_keep_what_was_compiled(folder: Path) -> None:
    compiled = compile_into(folder)
    staleness.forget_stale_kernels()
    assert compiled.exists()


@pytest.mark.parametrize("name", ["inner.py", "outer.py", "new.py"])
def test_any_changed_source_drops_all_of_it(folder: Path, name: str) -> None:
    compiled = compile_into(folder)
    other = folder / "__pycache__" / "runtime-x.nrt"
    other.write_bytes(b"not ours to drop")
    (folder / name).write_text("changed = 2")
    staleness.forget_stale_kernels()
    assert not compiled.exists()
    assert other.exists()
    assert len(list((folder / "__pycache__").glob("sources-*"))) == 1


def test_a_folder_that_cannot_be_written_is_left_alone(folder: Path) -> None:
    (folder / "__pycache__").write_text("a file in the way")
    staleness.forget_stale_kernels()
    assert (folder / "__pycache__").read_text() == "a file in the way"


def test_a_users_own_cache_folder_is_respected(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staleness.config, "CACHE_DIR", str(tmp_path / "elsewhere"))
    assert tmp_path / "elsewhere" in staleness.cache_folder().parents
