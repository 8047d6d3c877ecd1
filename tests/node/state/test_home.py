"""The state directory: private, whole or not at all, and for one process."""

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from gossipfl.errors import StateError
from gossipfl.node.state.home import Home, read_bytes, write_private


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def home(tmp_path) -> Home:
    return Home(tmp_path / "deep" / "down" / "state")


def test_everything_is_for_its_owner_only(home):
    umask = os.umask(0)
    try:
        home.device_key()
        write_private(home.revocations, b"list")
        home.lock()
    finally:
        os.umask(umask)
    assert mode(home.path) == 0o700
    assert {mode(path) for path in home.path.iterdir()} == {0o600}


def test_the_key_is_made_once_and_stays(home):
    key = home.device_key()
    assert Home(home.path).device_key().secret == key.secret
    assert (home.path / "device.key").read_bytes() == key.secret


@pytest.mark.parametrize("right", [0o750, 0o705, 0o777])
def test_a_directory_open_to_others_is_refused(home, right):
    home.path.chmod(right)
    with pytest.raises(StateError, match=f"open to other users: chmod 700 {home.path}"):
        Home(home.path)


def test_a_key_open_to_others_is_refused(home):
    home.device_key()
    key = home.path / "device.key"
    key.chmod(0o640)
    with pytest.raises(StateError, match=f"open to other users: chmod 600 {key}"):
        home.device_key()


@pytest.mark.parametrize("damaged", [b"", b"x" * 31, b"x" * 33, b"x" * 100_000])
def test_a_damaged_key_is_never_replaced(home, damaged):
    home.device_key()
    path = home.path / "device.key"
    path.write_bytes(damaged)
    with pytest.raises(StateError, match=r"device\.key"):
        home.device_key()
    assert path.read_bytes() == damaged


def test_a_file_in_the_way_of_the_directory(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    for path in (tmp_path / "file", tmp_path / "file" / "state"):
        with pytest.raises(StateError, match="choose another directory"):
            Home(path)


def test_a_directory_of_somebody_else(home, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may do everything
    with pytest.raises(StateError, match="check its owner"):
        Home(home.path)


@pytest.mark.parametrize("code", [errno.EROFS, errno.ENOSPC, errno.EACCES])
def test_a_file_system_that_refuses(home, monkeypatch, code):
    def refuse(*_: object) -> int:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "open", refuse)
    for act in (home.device_key, home.lock, lambda: write_private(home.path / "x", b"")):
        with pytest.raises(StateError, match=os.strerror(code)):
            act()


def test_writing_below_a_file_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StateError, match=r"cannot write .*: Not a directory"):
        write_private(tmp_path / "file" / "x", b"data")


@pytest.mark.parametrize("fails", ["write", "fsync", "replace"])
def test_a_failed_write_leaves_the_old_file_and_no_litter(home, monkeypatch, fails):
    path = home.path / "file"
    write_private(path, b"old")

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if fails == "replace":
        monkeypatch.setattr(Path, "replace", refuse)
    elif fails == "fsync":
        monkeypatch.setattr(os, "fsync", refuse)
    else:
        monkeypatch.setattr(os, "fdopen", refuse)
    with pytest.raises(StateError, match=r"cannot write .*file: No space left"):
        write_private(path, b"new")
    assert [each.name for each in home.path.iterdir()] == ["file"]
    assert path.read_bytes() == b"old"


def test_what_is_written_is_read_and_replaces(home):
    path = home.path / "file"
    for data in (b"first", b"", b"x" * 1000):
        write_private(path, data)
        assert read_bytes(path) == data


def test_reading_is_bounded(home):
    write_private(home.path / "file", b"x" * 11)
    assert len(read_bytes(home.path / "file", 11)) == 11
    with pytest.raises(StateError, match="longer than 10 bytes"):
        read_bytes(home.path / "file", 10)
    for path in (home.path / "none", home.path):
        with pytest.raises(StateError, match="cannot read"):
            read_bytes(path)


def test_a_join_file_is_kept_whole(home, tmp_path):
    (tmp_path / "pi.join").write_bytes(b"sealed")
    home.take_admission(tmp_path / "pi.join")
    assert home.admission.read_bytes() == b"sealed"
    (tmp_path / "pi.join").write_bytes(b"x" * (512 * 1024 + 1))
    with pytest.raises(StateError, match="not a file of ours"):
        home.take_admission(tmp_path / "pi.join")
    assert home.admission.read_bytes() == b"sealed"


LOCK_AND_SAY = """
import sys
from pathlib import Path
from gossipfl.errors import StateError
from gossipfl.node.state.home import Home
home = Home(Path(sys.argv[1]))
try:
    home.lock()
except StateError as error:
    sys.exit(str(error))
"""


def lock_elsewhere(home: Home) -> str:
    command = [sys.executable, "-c", LOCK_AND_SAY, str(home.path)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr


def test_only_one_process_has_the_directory(home):
    home.lock()
    assert f"another gossipfl runs in {home.path}" in lock_elsewhere(home)
    with pytest.raises(StateError, match="another gossipfl runs"):
        Home(home.path).lock()
    home.unlock()
    assert lock_elsewhere(home) == ""  # and its lock ended with it
    home.unlock()
    home.lock()


def test_free_space_is_known(home):
    assert home.free_bytes() > 0
