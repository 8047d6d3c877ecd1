"""Power that is cut at every byte that goes to a board's files, and files that are damaged."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from gossipfl.devices.keys import print_code
from gossipfl.gossip.link import Planted
from tests.firmware.device import CODE, Wire, check_link, copied, device_for, plan_of, session_for
from tests.firmware.micropython.board import Board, Interpreter
from tests.firmware.test_store import run_until_dead

WIDTHS = (5, 4, 3)
# Each of them in long runs.
EVERY_BYTE = pytest.mark.parametrize("stride", [61, pytest.param(1, marks=pytest.mark.soak)])


def wire_in(interpreter: Interpreter, directory: Path) -> tuple[Board, Wire]:
    """A device that is not enrolled, and the gateway that would know it."""
    directory.mkdir(exist_ok=True)
    board = device_for(lambda *rows: Board(interpreter, directory, *rows), WIDTHS)
    assert isinstance(board, Board)
    return board, Wire(board, session_for(plan_of(WIDTHS)))


@pytest.fixture
def running(interpreter: Interpreter, tmp_path: Path) -> tuple[Board, Wire]:
    """A device after its third exchange."""
    board, wire = wire_in(interpreter, tmp_path)
    board.enrol(print_code(CODE))
    wire.run_until(lambda look: look.exchanges == 3 and look.phase == "resting")
    return board, wire


@EVERY_BYTE
def test_a_cut_at_every_byte_of_enrolment_and_first_transfer(
    interpreter: Interpreter, tmp_path: Path, stride: int
) -> None:
    cut = 0
    while True:
        board, wire = wire_in(interpreter, tmp_path / str(cut))
        board.cut_after(cut)
        board.enrol(print_code(CODE))
        for _ in range(25):
            wire.step()
        if not board.dead:
            break
        board.reset()
        wire.coming = b""
        if board.look().phase == "unenrolled":
            assert board.enrol(print_code(CODE))
        wire.run_until(lambda look: look.exchanges >= 1 and look.phase == "resting")
        check_link(wire)
        cut += stride
    assert cut > 400


@EVERY_BYTE
def test_a_cut_at_every_byte_of_exchanges_and_checkpoints(
    running: tuple[Board, Wire], tmp_path: Path, stride: int
) -> None:
    """Nothing is made twice or lost, and the link is never seeded again."""
    board, wire = running
    session, found = wire.session, set[int]()
    shutil.copytree(board.state, tmp_path / "kept")
    for cut in range(0, 1800, stride):
        shutil.rmtree(board.state)
        shutil.copytree(tmp_path / "kept", board.state)
        board.reset()
        wire.coming, wire.session = b"", copied(session)
        board.cut_after(cut)
        run_until_dead(wire)
        board.reset()
        wire.coming = b""
        reached = board.look().sequence
        assert wire.session.state.sequence in (reached, reached + 1)
        wire.run_until(lambda look: look.phase == "resting")
        check_link(wire)
        found.add(reached)
    assert sum(isinstance(record, Planted) for record in wire.records) == 1
    assert not wire.errors
    assert len(found) > 4


def test_files_that_are_damaged_at_rest_are_as_if_they_were_empty_or_older(
    running: tuple[Board, Wire],
) -> None:
    board, _ = running
    rng = np.random.default_rng(0)
    for path in board.state.iterdir():
        whole = path.read_bytes()
        for place in range(0, len(whole), 23):
            damaged = bytearray(whole)
            damaged[place] ^= 1 << rng.integers(8)
            path.write_bytes(damaged[: None if place % 2 else place + 1])
            board.reset()
            assert board.look().phase in ("unenrolled", "keying", "greeting")
        path.write_bytes(whole)


def test_a_full_filesystem_stops_the_device_and_sends_nothing(
    running: tuple[Board, Wire],
) -> None:
    board, wire = running
    board.fill()
    sent = len(wire.sent)
    for _ in range(10):
        wire.step()
    assert board.look().phase == "failed"
    assert len(wire.sent) == sent
    board.reset()
    look = wire.run_until(lambda look: look.sequence == 5 and look.phase == "resting")
    assert look.sequence == wire.session.state.sequence
    check_link(wire)
