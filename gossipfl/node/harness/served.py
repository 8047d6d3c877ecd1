"""An emulated board and the gateway's session at the other end of its wire, in one process."""

import secrets
import time
from collections.abc import Callable
from typing import Final

import numpy as np
from attrs import define, field
from numpy.typing import NDArray

from gossipfl.devices.frames import FRAME_MAX
from gossipfl.devices.framing import Deframer, enframe
from gossipfl.devices.keys import CHANCE_BYTES
from gossipfl.devices.messages import FromDevice, Offer
from gossipfl.devices.session import DeviceSession
from gossipfl.errors import Unreachable
from gossipfl.gossip.link import Record
from gossipfl.node.harness.boards import Board

PATIENCE_S: Final = 120.0
READ_BYTES: Final = 4096
QUIET_S: Final = 0.5


@define
class Served:
    """Answers whatever the board asks, and notes it.

    size: parameters of the model.  sent: bytes of every frame on the wire, by the board.
    models: float32[size], the board's at each of its offers, before they are answered.
    """

    board: Board
    session: DeviceSession
    size: int
    messages: list[FromDevice] = field(factory=list)
    records: list[Record] = field(factory=list)
    sent: list[int] = field(factory=list)
    models: list[NDArray[np.float32]] = field(factory=list)
    _deframer: Deframer = field(factory=lambda: Deframer(FRAME_MAX))

    def enrol(self, code: str) -> None:
        """Type the code on the board's console."""
        self.board.uart.sendall(code.encode() + b"\n")

    def count(self, kind: type[FromDevice]) -> int:
        """Messages of one kind so far."""
        return sum(isinstance(message, kind) for message in self.messages)

    def run_until(self, reached: Callable[[], bool]) -> None:
        """Serve until then.  Raises Unreachable when nothing has come for PATIENCE_S."""
        deadline = time.monotonic() + PATIENCE_S
        self.board.uart.settimeout(QUIET_S)
        while not reached():
            if time.monotonic() > deadline:
                raise Unreachable(
                    f"{self.board.kind.name} fell silent after {len(self.messages)} messages"
                )
            try:
                content = self.board.uart.recv(READ_BYTES)
            except TimeoutError:
                continue
            for frame in self._deframer.feed(content):
                self._answer(frame)
                deadline = time.monotonic() + PATIENCE_S

    def _answer(self, frame: bytes) -> None:
        outcome = self.session.receive(frame, secrets.token_bytes(CHANCE_BYTES))
        self.messages.append(outcome.message)
        self.records.extend(outcome.records)
        self.sent.append(len(enframe(frame)))
        if isinstance(outcome.message, Offer):
            # While it waits for the answer, the model stays as it is.
            self.models.append(self.board.vector("board_model", self.size))
        self.board.uart.sendall(enframe(outcome.frame))
