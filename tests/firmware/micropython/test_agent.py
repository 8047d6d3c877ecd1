"""What of the MicroPython device tests/firmware/test_agent.py does not see."""

from pathlib import Path

import numpy as np
import pytest

from gossipfl.devices.keys import print_code
from gossipfl.gossip.link import Planted
from gossipfl.learning.training import predict
from tests.firmware.device import CODE, Wire, check_link, plan_of, session_for
from tests.firmware.micropython.board import MICROPYTHON, NO_MICROPYTHON, Board, Interpreter

WIDTHS = (5, 4, 3)


@pytest.fixture
def separable() -> tuple[np.ndarray, np.ndarray]:
    """Rows f32[40, 5] of three classes that lie apart."""
    rng, classes = np.random.default_rng(3), np.arange(40) % 3
    features = rng.normal(0, 0.3, (40, 5)) + 2 * np.eye(5)[classes]
    return features.astype(np.float32), classes


def test_it_learns_and_classifies_with_what_both_ends_hold(
    interpreter: Interpreter, tmp_path: Path, separable: tuple[np.ndarray, np.ndarray]
) -> None:
    features, classes = separable
    board = Board(interpreter, tmp_path, features, classes)
    plan = plan_of(WIDTHS, learning_rate=0.2)
    wire = Wire(board, session_for(plan))
    assert board.call("classify", features[0]) == -1
    board.enrol(print_code(CODE))
    wire.run_until(lambda look: look.exchanges == 60 and look.phase == "resting")
    check_link(wire)
    found = [board.call("classify", row) for row in features]
    expected = predict(plan.spec, wire.session.state.anchor, features).argmax(1)
    assert found == expected.tolist()
    assert np.mean(found == classes) > 0.9
    assert board.call("loss") < 0.5


def test_a_process_that_is_killed_goes_on_where_it_was(
    tmp_path: Path, separable: tuple[np.ndarray, np.ndarray]
) -> None:
    if MICROPYTHON is None:
        pytest.skip(NO_MICROPYTHON)
    seen = list[int]()
    wire: Wire | None = None
    for life in range(3):
        interpreter = Interpreter()
        board = Board(interpreter, tmp_path, *separable, chance=life)
        if wire is None:
            wire = Wire(board, session_for(plan_of(WIDTHS)))
            board.enrol(print_code(CODE))
        wire.device, wire.coming = board, b""
        seen.append(board.look().sequence)
        wire.run_until(lambda look, life=life: look.sequence == 3 * life + 3)
        check_link(wire)
        interpreter.kill()
    assert seen == [0, 3, 6]
    assert wire is not None
    assert sum(isinstance(record, Planted) for record in wire.records) == 1


@pytest.mark.parametrize("most", [1, 7, 5000])
def test_a_serial_line(interpreter: Interpreter, most: int) -> None:
    content = bytes(range(256)) * 5
    parts = list(map(bytes.fromhex, interpreter.call("over_a_stream", content, most)))
    assert b"".join(parts) == content
    assert max(map(len, parts)) <= 512
    assert interpreter.call("over_a_stream", content, 0) == []
