"""What is stored comes back: after a restart, a crash at any instant, damage, and a full disk."""

import itertools
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gossipfl.errors import StateError
from gossipfl.node.state.store import Damaged, Item, Store, check_store, open_store
from tests.node.stored import (
    MANIFEST_ID,
    comparable,
    expected,
    histories,
    links_at,
    model_at,
    row_at,
)


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "state.db"


def write_all(path: Path, items: Iterable[Item]) -> None:
    store = Store(path, MANIFEST_ID)
    for item in items:
        store.write([item])
    store.close()


def copy_files(source: Path, target: Path) -> Path:
    """The store as a crash right now would leave it."""
    target.mkdir(exist_ok=True)
    for file in source.parent.glob(source.name + "*"):
        if not file.name.endswith("-shm"):
            shutil.copy(file, target / file.name)
    return target / source.name


def loaded(path: Path) -> object:
    store, saved, aside = open_store(path, MANIFEST_ID)
    store.close()
    assert aside is None
    return comparable(saved)


def test_a_fresh_store_is_empty(path):
    store, saved, aside = open_store(path, MANIFEST_ID)
    assert (saved.model, saved.links, saved.rows, aside) == (None, {}, [], None)
    store.close()


def test_a_store_can_be_made_to_outlast_power_cuts(path):
    """No test can cut the power: SQLite is asked whether it syncs every commit (2: FULL)."""
    store, *_ = open_store(path, MANIFEST_ID)
    assert store._db.execute("PRAGMA synchronous").fetchone() == (1,)
    store.outlast_power_cuts()
    assert store._db.execute("PRAGMA synchronous").fetchone() == (2,)
    store.close()


@settings(max_examples=60)
@given(histories())
def test_everything_comes_back_bit_for_bit(items):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.db"
        write_all(path, items)
        assert loaded(path) == comparable(expected(items))


@settings(max_examples=30)
@given(histories(), st.randoms(use_true_random=False))
def test_batches_are_as_good_as_single_items_and_may_be_repeated(items, randomly):
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "state.db", MANIFEST_ID)
        rest = list(items)
        while rest:
            count = randomly.randint(1, len(rest))
            for _ in range(randomly.randint(1, 2)):  # a batch that was refused late comes again
                store.write(rest[:count])
            rest = rest[count:]
        assert comparable(store.load()) == comparable(expected(items))
        store.close()


def test_rows_go_only_when_model_and_links_both_contain_them(path):
    store = Store(path, MANIFEST_ID)
    store.write([row_at(i) for i in range(1, 7)])

    def positions() -> list[int]:
        return [row.position for row in store.load().rows]

    store.write([model_at(4)])
    assert positions() == [1, 2, 3, 4, 5, 6]
    store.write([links_at(2)])
    assert positions() == [3, 4, 5, 6]
    store.write([links_at(6, count=0)])  # no links at all is a checkpoint as well
    assert positions() == [5, 6]
    store.write([model_at(6)])
    assert positions() == []
    store.close()


def test_a_crash_between_writes_loses_nothing(path, tmp_path):
    store = Store(path, MANIFEST_ID)
    items = [row_at(1), row_at(2), model_at(2), row_at(3), links_at(3), row_at(4), model_at(4)]
    for count, item in enumerate(items, start=1):
        store.write([item])
        crashed = copy_files(path, tmp_path / f"after-{count}")
        assert loaded(crashed) == comparable(expected(items[:count]))
    store.close()


def test_a_log_cut_anywhere_gives_a_prefix_in_order(path, tmp_path):
    store = Store(path, MANIFEST_ID)
    items: list[Item] = [row_at(i) for i in range(1, 25)]
    items.insert(8, model_at(8))
    items.insert(17, links_at(16))
    for item in items:
        store.write([item])
    crashed = copy_files(path, tmp_path / "crashed")
    store.close()
    log = crashed.with_name("state.db-wal")
    whole = log.read_bytes()
    prefixes = [comparable(expected(items[:count])) for count in range(len(items) + 1)]
    found = []
    for cut in sorted(random.Random(0).sample(range(len(whole)), 40)):
        copy = copy_files(crashed, tmp_path / f"cut-{cut}")
        copy.with_name("state.db.backup").unlink(missing_ok=True)
        copy.with_name("state.db-wal").write_bytes(whole[:cut])
        found.append(prefixes.index(loaded(copy)))  # ValueError: no prefix of what was written
    assert found == sorted(found)
    assert found[-1] > len(items) // 2


WRITE_FOREVER = """
import itertools, sys
from pathlib import Path
from gossipfl.node.state.store import Store
from tests.node.stored import MANIFEST_ID, links_at, model_at, row_at
store = Store(Path(sys.argv[1]), MANIFEST_ID)
for i in itertools.count(1):
    store.write([row_at(i)])
    if i % 7 == 0:
        store.write([model_at(i)])
    if i % 11 == 0:
        store.write([links_at(i)])
    print(i, flush=True)
"""


@pytest.mark.parametrize("lines", [1, 30, 333])
def test_a_killed_process_loses_nothing_that_it_had_written(path, lines):
    command = [sys.executable, "-c", WRITE_FOREVER, str(path)]
    root = Path(__file__).parents[3]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdout is not None
        said = list(itertools.islice(process.stdout, lines))
        process.send_signal(signal.SIGKILL)
        said += process.stdout.readlines()
    last = int([line for line in said if line.endswith("\n")][-1])
    store, saved, aside = open_store(path, MANIFEST_ID)
    store.close()
    assert aside is None
    newest = max(
        [row.position for row in saved.rows] + [saved.model.position if saved.model else 0]
    )
    assert last <= newest <= last + 2
    contained = min(saved.model.position if saved.model else 0, _links_position(saved.links))
    assert [row.position for row in saved.rows] == list(range(contained + 1, newest + 1))
    for row in saved.rows:
        assert row == row_at(row.position)


def _links_position(links: dict) -> int:
    return max((position for position, _ in links.values()), default=0)


def _damage(content: bytearray, randomly: random.Random) -> None:
    start = randomly.randrange(len(content))
    length = randomly.choice([1, 1, 16, 512, 4096])
    for place in range(start, min(start + length, len(content))):
        content[place] ^= randomly.randrange(1, 256)


@pytest.mark.parametrize("part", ["state.db", "state.db-wal"])
def test_a_file_damaged_anywhere_never_lies_and_never_crashes(path, tmp_path, part):
    items: list[Item] = [row_at(i) for i in range(1, 9)] + [model_at(8, 400), links_at(8)]
    write_all(path, items)
    store = Store(path, MANIFEST_ID)
    more: list[Item] = [row_at(9), row_at(10), model_at(10, 400), row_at(11)]
    for item in more:
        store.write([item])
    crashed = copy_files(path, tmp_path / "crashed")
    store.close()
    truths = [comparable(expected(items + more[:count])) for count in range(len(more) + 1)]
    backup = comparable(attrs.evolve(model_at(8, 400), position=0))
    seen_backup = False
    for seed in range(60):
        copy = copy_files(crashed, tmp_path / f"damaged-{seed}")
        content = bytearray(copy.with_name(part).read_bytes())
        _damage(content, random.Random(seed))
        copy.with_name(part).write_bytes(content)
        try:
            store, saved, aside = open_store(copy, MANIFEST_ID)
        except StateError:
            continue
        if aside is None:
            assert comparable(saved) in truths
        else:
            assert Path(aside).exists()
            assert comparable(saved.model) == backup
            assert (saved.links, saved.rows) == ({}, [])
            seen_backup = True
        store.write([row_at(12), model_at(12, 400), links_at(12)])
        assert comparable(store.load().model) == comparable(model_at(12, 400))
        store.close()
    assert seen_backup or part.endswith("-wal")


@pytest.mark.parametrize(
    "content", [b"", b"not a database " * 1000, b"SQLite format 3\0" + b"x" * 99]
)
def test_the_model_comes_back_from_its_backup(path, content):
    write_all(path, [row_at(1), model_at(1), links_at(1)])
    path.write_bytes(content)
    store, saved, aside = open_store(path, MANIFEST_ID)
    assert saved.model is not None
    assert saved.model.position == 0
    np.testing.assert_array_equal(saved.model.vectors, model_at(1).vectors)
    assert (aside is None) == (content == b"")
    # Killed before the first checkpoint: the model must still be there, under the new rows.
    store.write([row_at(1)])
    store.close()
    store, again, aside = open_store(path, MANIFEST_ID)
    store.close()
    assert comparable(again.model) == comparable(saved.model)
    assert [row.position for row in again.rows] == [1]
    assert aside is None


def test_a_crash_right_after_setting_aside_keeps_the_backup(path):
    write_all(path, [model_at(1), links_at(1)])
    path.unlink()  # set aside, and nothing done since
    store, saved, _ = open_store(path, MANIFEST_ID)
    store.close()
    assert saved.model is not None


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "none", "other manifest"])
def test_a_useless_backup_means_starting_fresh(path, damage):
    write_all(path, [model_at(1), links_at(1)])
    backup = path.with_name("state.db.backup")
    content = backup.read_bytes()
    path.write_bytes(b"junk" * 2000)
    manifest_id = MANIFEST_ID
    if damage == "flip":
        backup.write_bytes(content[:40] + bytes([content[40] ^ 1]) + content[41:])
    elif damage == "cut":
        backup.write_bytes(content[:-1])
    elif damage == "empty":
        backup.write_bytes(b"")
    elif damage == "none":
        backup.unlink()
    else:
        manifest_id = b"o" * 16
    store, saved, aside = open_store(path, manifest_id)
    store.close()
    assert (saved.model, saved.links, saved.rows) == (None, {}, [])
    assert aside is not None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE model SET position = position + 1",
        "UPDATE journal SET id = id + 100",
        "UPDATE journal SET peer = x'00'",
        "UPDATE links SET position = position - 1",
        "UPDATE links SET peer = x'00' || peer",
        "UPDATE meta SET value = x'00' WHERE key = 'links'",
        "UPDATE meta SET value = x'00' WHERE key = 'manifest'",
        "UPDATE model SET body = x''",
        "UPDATE model SET body = 5",
        "UPDATE model SET body = 'text'",
        "ALTER TABLE links RENAME COLUMN position TO place",
    ],
)
def test_no_cell_can_change_unnoticed(path, statement):
    write_all(path, [model_at(1), links_at(1), row_at(2)])
    db = sqlite3.connect(path)
    with db:
        db.execute(statement)
    db.close()
    store, saved, aside = open_store(path, MANIFEST_ID)
    store.close()
    assert aside is not None
    assert saved.model is not None


def test_the_state_of_another_cluster_is_refused_and_left_alone(path):
    write_all(path, [model_at(1)])
    with pytest.raises(StateError, match="another manifest; give this cluster a state directory"):
        open_store(path, b"o" * 16)
    assert loaded(path) == comparable(expected([model_at(1)]))


def test_the_state_of_another_version_is_refused_and_left_alone(path):
    write_all(path, [model_at(1)])
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version=99")
    db.close()
    with pytest.raises(StateError, match="another version of gossipfl"):
        open_store(path, MANIFEST_ID)
    assert path.exists()


def test_a_directory_in_the_way_is_one_clear_error(path):
    path.mkdir()
    with pytest.raises(StateError, match=r"cannot use .*unable to open"):
        open_store(path, MANIFEST_ID)


def test_checking_finds_all_damage_and_changes_nothing(path, tmp_path):
    write_all(path, [row_at(1), model_at(1, 20_000), links_at(1), row_at(2)])
    names = sorted(each.name for each in tmp_path.iterdir())
    content = path.read_bytes()
    check_store(path)
    assert path.read_bytes() == content
    assert sorted(each.name for each in tmp_path.iterdir()) == names
    middle = len(content) // 2  # a vector: SQLite itself would not mind
    path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    with pytest.raises(Damaged, match="checksum does not match"):
        check_store(path)
    path.write_bytes(b"junk" * 1000)
    with pytest.raises(Damaged, match="not a database"):
        check_store(path)
    path.unlink()
    with pytest.raises(StateError, match="unable to open"):
        check_store(path)
    assert not path.exists()


def test_checking_works_beside_a_running_node(path):
    store = Store(path, MANIFEST_ID)
    store.write([model_at(1)])
    check_store(path)
    store.write([row_at(2)])
    assert [row.position for row in store.load().rows] == [2]
    store.close()


def limit_pages(store: Store, spare: int) -> None:
    """Let the disk be full after so many more pages."""
    (pages,) = store._db.execute("PRAGMA page_count").fetchone()
    store._db.execute(f"PRAGMA max_page_count={pages + spare}")


def test_a_full_disk_stores_nothing_and_a_retry_stores_all(path):
    store = Store(path, MANIFEST_ID)
    before: list[Item] = [row_at(1), model_at(1), links_at(1), row_at(2)]
    store.write(before)
    limit_pages(store, 2)
    batch: list[Item] = [row_at(3), row_at(4), model_at(4, 20_000), links_at(4)]
    for _ in range(3):
        with pytest.raises(StateError, match=r"cannot write .*state\.db.*full; free some space"):
            store.write(batch)
        assert comparable(store.load()) == comparable(expected(before))
    limit_pages(store, 10_000)
    store.write(batch)
    assert comparable(store.load()) == comparable(expected(before + batch))
    store.close()
    assert loaded(path) == comparable(expected(before + batch))


def test_a_disk_too_full_for_the_backup_is_told_and_costs_nothing(path, monkeypatch):
    store = Store(path, MANIFEST_ID)
    items: list[Item] = [row_at(1), model_at(1), links_at(1)]

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", refuse)
        with pytest.raises(StateError, match="No space left"):
            store.write(items)
    store.write(items)
    assert comparable(store.load()) == comparable(expected(items))
    assert path.with_name("state.db.backup").exists()
    store.close()


def test_a_file_that_cannot_be_set_aside_is_one_clear_error(path, monkeypatch):
    path.write_bytes(b"junk" * 2000)

    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(StateError, match=r"cannot set .* aside: Read-only file system"):
        open_store(path, MANIFEST_ID)
