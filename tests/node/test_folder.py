"""Files are read once, when they are whole."""

import os
from pathlib import Path

import pytest

from gossipfl.data.readings import Readings
from gossipfl.data.schema import Schema
from gossipfl.errors import DataError
from gossipfl.node import supply as module
from gossipfl.node.folder import Folder
from gossipfl.node.observer import Observer
from gossipfl.node.supply import Supply, fill

SCHEMA = Schema(columns=("warm",), target="mood", classes=("glad", "sad"))
GOOD = "warm,mood\n1,glad\n2,sad\n"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path, SCHEMA)


def put(folder: Folder, name: str, text: str = GOOD, age_s: float = 0.0) -> None:
    path = folder.path / name
    path.write_text(text)
    written_s = path.stat().st_mtime - age_s
    os.utime(path, (written_s, written_s))


def test_a_young_file_has_to_look_alike_twice(folder: Folder) -> None:
    put(folder, "b.csv")
    put(folder, "a.csv", age_s=60)
    assert folder.fresh() == ["a.csv"]
    assert len(folder.read("a.csv")) == 2
    put(folder, "b.csv", GOOD + "3,glad\n")
    assert folder.fresh() == []
    assert folder.fresh() == ["b.csv"]
    assert len(folder.read("b.csv")) == 3
    assert folder.fresh() == []


def test_a_bad_file_is_tried_again_when_it_has_changed(folder: Folder) -> None:
    put(folder, "a.csv", "warm,mood\n1,gl", age_s=60)
    assert folder.fresh() == ["a.csv"]
    with pytest.raises(DataError, match=r"a\.csv"):
        folder.read("a.csv")
    assert folder.fresh() == []
    put(folder, "a.csv", age_s=50)
    assert folder.fresh() == ["a.csv"]
    assert len(folder.read("a.csv")) == 2


def test_a_file_that_was_read_is_not_read_again(folder: Folder) -> None:
    put(folder, "a.csv", age_s=60)
    folder.fresh()
    folder.read("a.csv")
    for age_s in (50, 40):
        put(folder, "a.csv", GOOD + GOOD[10:], age_s=age_s)
        if folder.fresh():
            with pytest.raises(DataError, match="into a new file"):
                folder.read("a.csv")
    assert folder.fresh() == []
    (folder.path / "a.csv").unlink()
    assert folder.fresh() == []
    put(folder, "a.csv", age_s=30)
    assert folder.fresh() == ["a.csv"]


def test_what_is_not_a_reading_is_passed_over(folder: Folder) -> None:
    for name in (".a.csv", "a.csv.part", "notes.txt"):
        put(folder, name, age_s=60)
    (folder.path / "more.csv").mkdir()
    (folder.path / "dangling.csv").symlink_to(folder.path / "nowhere")
    assert folder.fresh() == []


def test_filling_waits_once_for_what_is_being_written(folder, monkeypatch) -> None:
    events: list[dict] = []
    put(folder, "bad.csv", "warm\n", age_s=60)
    monkeypatch.setattr(module.time, "sleep", lambda _: put(folder, "late.csv", age_s=60))
    readings = Readings(0.0, 100, b"key")
    fill(Supply(readings, folder), Observer(events.append))
    assert readings.seen == 2
    assert [(event["event"], event["file"]) for event in events] == [("data.refused", "bad.csv")]


def test_an_empty_folder_says_what_to_do(folder, monkeypatch) -> None:
    monkeypatch.setattr(module, "STILL_S", 0.0)
    with pytest.raises(DataError, match=r"no file to start with; put one in \(\.csv"):
        fill(Supply(Readings(0.1, 100, b"key"), folder), Observer())
    folder.path.rmdir()
    with pytest.raises(DataError, match="cannot look into"):
        folder.fresh()
