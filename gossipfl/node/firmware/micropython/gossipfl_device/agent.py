"""A device's life: enrol, greet, fetch an anchor, train, exchange, rest, sleep."""

import struct

from gossipfl_device import messages, state
from gossipfl_device.conversation import Conversation
from gossipfl_device.course import Course
from gossipfl_device.keys import CHANCE_BYTES, first_identity
from gossipfl_device.numbers import Vector, check_arithmetic
from gossipfl_device.phases import (
    ASLEEP,
    EXCHANGING,
    FAILED,
    FALLING_ASLEEP,
    FETCHING,
    GREETING,
    IDLE,
    KEYING,
    RESTING,
    TRAINING,
)
from gossipfl_device.port import Port
from gossipfl_device.room import Room
from gossipfl_device.rounds import Rounds
from gossipfl_device.rows import Rows
from gossipfl_device.state import State
from gossipfl_device.statistics import Statistics
from gossipfl_device.store import Store, StoreError
from gossipfl_device.timer import Timer

_TRIES_MAX = 6


class Agent:
    """Goes on where its files say that the device was.

    battery: percent, for the gateway to show; the application sets it.
    Raises ValueError where there are no samples, and RuntimeError where this build of MicroPython
    cannot take part.
    """

    def __init__(self, port: Port, rows: Rows, room: Room | None = None) -> None:
        check_arithmetic()
        if rows.count < 1:
            raise ValueError("a device learns from at least one sample")
        self.battery = messages.BATTERY_UNKNOWN
        self.statistics = Statistics()
        self._port = port
        self._rows = rows
        self._room = room or Room()
        self._sleep_s = 0
        self._timer = Timer(port)
        self._state = State(Store(port.directory), self._room)
        self._rounds = Rounds(rows, int.from_bytes(port.random(4), "little"))
        self._conversation = Conversation(
            port, self._state, self._timer, self.statistics, self._room.message
        )
        self._course = Course(
            self._state, self._conversation, self._timer, self._rounds, rows, self._room
        )

    @property
    def phase(self) -> str:
        """What the device is doing: one of phases.py."""
        return self._course.phase

    @property
    def refusal(self) -> int:
        """Why nothing goes on, see docs/device-protocol.md; 0: all is well."""
        return self._course.refusal

    @property
    def exchanges(self) -> int:
        """How many were made, of those that the files have kept."""
        return self._state.exchanges

    @property
    def enrolled(self) -> bool:
        """Whether the device has been given a code."""
        return self._state.enrolled

    def enrol(self, code: str) -> None:
        """Take the place that a one-time code of the gateway stands for.

        Raises ValueError for what is no code, and StoreError.
        """
        self._state.change(state.IDENTITY, first_identity(code).encode())
        self._course.enter(KEYING)

    def sleep(self, seconds: int) -> None:
        """Tell the gateway that the device will be out of reach, and store everything.

        Power may be cut once the phase is ASLEEP.
        """
        self._sleep_s = max(1, seconds)

    def wake(self) -> None:
        """Be in reach again."""
        self._sleep_s = 0
        if self.phase in (ASLEEP, FALLING_ASLEEP):
            self._course.enter(GREETING)

    def classify(self, features: Vector[float]) -> int:
        """The class of a sample; -1 while there is no model."""
        if not self._state.learning:
            return -1
        return self._rounds.classify(self._state.link, features)

    def poll(self) -> int | None:
        """Do what is due, at most one training step.

        Returns the milliseconds until something is due again unless bytes come, 0 for at once, or
        None for never.
        """
        try:
            return None if self.phase in IDLE else self._poll()
        except StoreError:
            self._course.enter(FAILED)
            return None

    def _poll(self) -> int | None:
        for message in self._conversation.hear():
            self._course.take(message)
        if self._conversation.awaiting is not None:
            left_ms = self._timer.left_ms()
            if left_ms:
                return left_ms
            self._retry()
        if self.phase not in IDLE:
            self._act()
        if self.phase in IDLE:
            return None
        waits = self._conversation.awaiting is not None or self.phase == RESTING
        return self._timer.left_ms() if waits else 0

    def _retry(self) -> None:
        conversation = self._conversation
        conversation.awaiting = None
        if conversation.tries < _TRIES_MAX:
            conversation.tries += 1
        elif self.phase == FALLING_ASLEEP:
            self._course.enter(ASLEEP)
        elif self.phase not in (GREETING, KEYING):
            self._course.enter(GREETING)

    def _act(self) -> None:
        if self._sleep_s and self.phase not in (FALLING_ASLEEP, KEYING):
            self._state.checkpoint()
            self._course.enter(FALLING_ASLEEP)
        elif self.phase == TRAINING:
            self._train()
        elif self.phase != RESTING:
            self._conversation.ask(self._question())
        elif not self._timer.left_ms():
            self._course.enter(GREETING if self.refusal else TRAINING)

    def _train(self) -> None:
        rounds, link = self._rounds, self._state.link
        if not rounds.steps_done:
            self._course.round_ms = self._timer.now_ms()
        self.statistics.loss = rounds.step(link)
        self.statistics.steps += 1
        if rounds.steps_done >= link.orders.steps:
            rounds.steps_done = 0
            self._offer()

    def _offer(self) -> None:
        link = self._state.link
        half = link.offer(self._rows.count, self._room.message - messages.HALF_BYTES)
        if half is None:
            # What does not help is forgotten; the next round begins at the anchor anyway.
            self.statistics.divergences += 1
            link.forget_residual()
            return
        self._state.change(state.OFFERED, half.encode())
        self._course.enter(EXCHANGING)

    def _question(self) -> bytes:
        """What this phase has to say."""
        if self.phase == KEYING:
            self._course.chance = self._port.random(CHANCE_BYTES)
            return bytes([messages.KEY]) + self._course.chance
        if self.phase == GREETING:
            return self._hello()
        if self.phase == FALLING_ASLEEP:
            return struct.pack("<BI", messages.SLEEP, self._sleep_s)
        link = self._state.link
        if self.phase == FETCHING:
            return struct.pack("<B8sI", messages.FETCH, link.orders.seed, self._state.fetched)
        half = link.pending
        assert half is not None
        half.battery = self.battery
        return half.encode()

    def _hello(self) -> bytes:
        rows, held = self._rows, self._state
        sequence, digest = 0, messages.HOLDS_NOTHING
        if held.ordered and held.link.seeded:
            sequence, digest = held.link.sequence, held.link.digest
        learned = (rows.inputs, rows.classes, rows.count)
        return messages.write_hello(self._room, *learned, self.battery, sequence, digest)
