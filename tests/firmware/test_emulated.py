"""The ports on emulated boards: the very firmware that a real one would run."""

import secrets
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from attrs import define, field

from gossipfl.compression import SparseCodec
from gossipfl.devices.frames import FRAME_MAX
from gossipfl.devices.framing import Deframer, enframe
from gossipfl.devices.keys import print_code
from gossipfl.devices.messages import Fetch, Offer
from gossipfl.devices.session import DeviceSession
from gossipfl.gossip.link import Planted
from gossipfl.learning.dataset import Dataset
from gossipfl.learning.training import Trainer
from gossipfl.node.harness.boards import KINDS, Board, build, running, sections, write_rows
from tests.firmware.device import CODE, plan_of, session_for
from tests.firmware.library import Floats

PLAN = plan_of((64, 32, 10), learning_rate=0.1, batch_size=16, local_steps=20)
START = PLAN.spec.initial(0)
DEADLINE_S = 120.0


@define
class Wire:
    """A board's UART, and the gateway at its end.  models: the board's, at every offer."""

    board: Board
    session: DeviceSession
    messages: list[object] = field(factory=list)
    records: list[object] = field(factory=list)
    models: list[Floats] = field(factory=list)
    deframer: Deframer = field(factory=lambda: Deframer(FRAME_MAX))

    def run_until(self, reached: Callable[[], bool]) -> None:
        deadline = time.monotonic() + DEADLINE_S
        self.board.uart.settimeout(0.5)
        while not reached():
            assert time.monotonic() < deadline, f"{len(self.messages)} messages, and no end"
            try:
                content = self.board.uart.recv(4096)
            except TimeoutError:
                continue
            for frame in self.deframer.feed(content):
                self.answer(frame)

    def answer(self, frame: bytes) -> None:
        outcome = self.session.receive(frame, secrets.token_bytes(16))
        self.messages.append(outcome.message)
        self.records.extend(outcome.records)
        if isinstance(outcome.message, Offer):
            # While it waits for the answer, the model stays as it is.
            self.models.append(self.board.vector("board_model", START.size))
        self.board.uart.sendall(enframe(outcome.frame))

    def count(self, kind: type) -> int:
        return sum(isinstance(message, kind) for message in self.messages)


def rows() -> Dataset:
    features = np.random.default_rng(3).normal(size=(16, 64)).astype(np.float32)
    names = tuple(f"x{i}" for i in range(64))
    return Dataset(features=features, targets=np.arange(16) % 10, columns=names, source="test")


@pytest.fixture(scope="module", params=sorted(KINDS))
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The firmware of a port, which learns from 16 rows."""
    kind = KINDS[request.param]
    if missing := kind.missing():
        pytest.skip(f"not installed here: {', '.join(missing)}; run scripts/firmware")
    folder = tmp_path_factory.mktemp(kind.name)
    write_rows(folder / "rows.h", rows().features, rows().targets)
    return build(kind, folder / "rows.h", folder)


def test_a_board_learns_as_every_other_node(program: Path, tmp_path: Path) -> None:
    """Enrolment, a transfer with a reset in its middle, 20 steps, deltas: on the emulated part."""
    with running(KINDS[program.stem], program, tmp_path) as board:
        wire = Wire(board, session_for(PLAN))
        board.uart.sendall(print_code(CODE).encode() + b"\n")
        wire.run_until(lambda: wire.count(Fetch) >= 12)
        board.reset()
        wire.run_until(lambda: wire.count(Offer) >= 3)
        anchor, stack = board.vector("board_anchor", START.size), board.stack_bytes()
    check_transfer(wire)
    check_training(wire)
    assert wire.session.state.sequence == 3
    assert np.isfinite(anchor).all()
    assert 0 < stack < 4_000
    assert sections(KINDS[program.stem], program)[".text"] < 48_000


def check_transfer(wire: Wire) -> None:
    """It went on where the reset broke it off."""
    offsets = [message.offset for message in wire.messages if isinstance(message, Fetch)]
    assert offsets.count(0) == 1
    assert offsets == sorted(offsets)
    assert sum(isinstance(record, Planted) for record in wire.records) == 1


def check_training(wire: Wire) -> None:
    """Weights after 20 steps are the kernels', and the coded delta is the codec's to the byte."""
    trainer = Trainer(PLAN.spec, rows(), None, PLAN.settings, seed=1)
    expected, found = trainer.fit(START, np.zeros_like(START)).parameters, wire.models[0]
    assert np.linalg.norm(found - expected) <= 1e-5 * np.linalg.norm(expected)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    tensors = tuple((start, stop) for _, start, stop in PLAN.spec.tensors)
    codec = SparseCodec(START.size, tensors, 96 / START.size, bits=2)
    first = next(message for message in wire.messages if isinstance(message, Offer))
    assert first.payload == codec.encode(found - START)
