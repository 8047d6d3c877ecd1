"""The C agent on its rig, and a wire to the Python session that serves it."""

import copy
import ctypes
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
from attrs import define, field

from gossipfl.devices.frames import FRAME_MAX
from gossipfl.devices.framing import Deframer, enframe
from gossipfl.devices.keyring import keyring_of
from gossipfl.devices.keys import print_code
from gossipfl.devices.plan import DevicePlan
from gossipfl.devices.session import DeviceSession
from gossipfl.errors import PeerError
from gossipfl.gossip.link import LinkState, Record
from gossipfl.gossip.replica import Replica
from gossipfl.learning.settings import TrainingSettings
from gossipfl.models.layers import Dense
from gossipfl.models.sequential import Sequential, perceptron
from tests.firmware.library import Firmware, Floats
from tests.firmware.look import Look
from tests.firmware.micropython.board import Board

PHASES = (
    *("unenrolled", "greeting", "keying", "fetching", "training", "exchanging"),
    *("uploading", "resting", "falling-asleep", "asleep", "failed"),
)
NEVER = 0xFFFFFFFF
CODE = bytes(range(16))
Pass = Callable[[bytes], list[bytes]]


class Device:
    """One agent, learning from features f32[n, inputs] and classes."""

    def __init__(self, firmware: Firmware, features: Floats, classes: Any, chance: int = 1) -> None:
        self.c = firmware.c
        self._features = np.ascontiguousarray(features, np.float32)
        self._classes = np.ascontiguousarray(classes, np.uint16)
        for name in ("rig_new", "rig_agent", "rig_sent", "rig_vector", "rig_flash"):
            getattr(self.c, name).restype = ctypes.c_void_p
        for name in ("rig_is_dead", "rig_misused", "gfl_enrol"):
            getattr(self.c, name).restype = ctypes.c_bool
        self.c.rig_poll.restype = ctypes.c_uint32
        self._rig = ctypes.c_void_p(
            self.c.rig_new(
                self._features.ctypes.data_as(ctypes.c_void_p),
                self._classes.ctypes.data_as(ctypes.c_void_p),
                len(self._classes),
                self._features.shape[1],
                int(self._classes.max()) + 1,
                chance,
            )
        )

    def __del__(self) -> None:
        self.c.rig_free(self._rig)

    @property
    def _agent(self) -> ctypes.c_void_p:
        return ctypes.c_void_p(self.c.rig_agent(self._rig))

    def enrol(self, code: str) -> bool:
        return bool(self.c.gfl_enrol(self._agent, code.encode()))

    def sleep(self, seconds: int) -> None:
        self.c.gfl_sleep(self._agent, seconds)

    def wake(self) -> None:
        self.c.gfl_wake(self._agent)

    def poll(self, gone_ms: int = 0, coming: bytes = b"") -> tuple[int, bytes]:
        """(milliseconds until something is due, what the device sent)."""
        due = self.c.rig_poll(self._rig, gone_ms, coming, ctypes.c_size_t(len(coming)))
        count = ctypes.c_size_t()
        sent = self.c.rig_sent(self._rig, ctypes.byref(count))
        return due, ctypes.string_at(sent, count.value)

    def reset(self) -> None:
        self.c.rig_reset(self._rig)

    def cut_after(self, flashed_bytes: int) -> None:
        self.c.rig_cut_after(self._rig, ctypes.c_long(flashed_bytes))

    @property
    def dead(self) -> bool:
        return bool(self.c.rig_is_dead(self._rig))

    @property
    def misused_flash(self) -> bool:
        return bool(self.c.rig_misused(self._rig))

    def flash(self, size: int) -> Any:
        """uint8[size], the flash itself."""
        place = ctypes.cast(self.c.rig_flash(self._rig), ctypes.POINTER(ctypes.c_uint8))
        return np.ctypeslib.as_array(place, (size,))

    def vector(self, which: str, size: int) -> Floats:
        """A copy of "x", of the anchor "R" or of the residual "e"."""
        place = self.c.rig_vector(self._rig, ctypes.c_char(which.encode()))
        return np.ctypeslib.as_array(
            ctypes.cast(place, ctypes.POINTER(ctypes.c_float)), (size,)
        ).copy()

    def look(self) -> Look:
        found, digest = (ctypes.c_uint32 * 9)(), ctypes.create_string_buffer(8)
        self.c.rig_look(self._rig, found, digest)
        phase, *numbers, is_open = found
        return Look(PHASES[phase], *numbers, bool(is_open), digest.raw)


@define
class Wire:
    """Between a device and its gateway.  `pass_on` may lose, change or repeat what goes either way.

    Chance of the gateway is a counter: tests need no more.
    """

    device: Device | Board
    session: DeviceSession
    pass_on: Pass = lambda content: [content]
    coming: bytes = b""
    gone_ms: int = 0
    drawn: int = 0
    errors: list[PeerError] = field(factory=list)
    messages: list[Any] = field(factory=list)
    records: list[Record] = field(factory=list)
    sent: list[int] = field(factory=list)
    deframer: Deframer = field(factory=lambda: Deframer(FRAME_MAX))

    def step(self) -> None:
        """One poll, and the gateway's answers to what it sent; time passes when nothing is due."""
        due, content = self.device.poll(self.gone_ms, self.coming)
        self.coming, self.gone_ms = b"", 0
        if content:
            self.sent.append(len(content))
            answers = [enframe(answer) for answer in self._answers(content)]
            self.coming = b"".join(part for answer in answers for part in self.pass_on(answer))
        if due != NEVER and not self.coming:
            self.gone_ms = due

    def _answers(self, content: bytes) -> Iterator[bytes]:
        for part in self.pass_on(content):
            for frame in self.deframer.feed(part):
                self.drawn += 1
                try:
                    outcome = self.session.receive(frame, self.drawn.to_bytes(16, "big"))
                except PeerError as error:
                    self.errors.append(error)
                else:
                    self.messages.append(outcome.message)
                    self.records.extend(outcome.records)
                    yield outcome.frame

    def run_until(self, reached: Callable[[Look], bool], steps: int = 20_000) -> Look:
        """Step until the device looks as wanted."""
        for _ in range(steps):
            look = self.device.look()
            if reached(look):
                return look
            self.step()
        raise AssertionError(f"not reached after {steps} steps: {self.device.look()}")


@cache
def plan_of(widths: tuple[int, ...], **settings: Any) -> DevicePlan:
    """A perceptron of these widths."""
    spec = Sequential(
        *perceptron(widths[1:-1]), Dense(widths[-1]), shape=widths[:1], loss="cross-entropy"
    )
    chosen = TrainingSettings(**{"batch_size": 4, "local_steps": 3, **settings})
    return DevicePlan(spec=spec, settings=chosen, keep_ratio=0.1, interval_s=1)


def session_for(plan: DevicePlan, code: bytes = CODE) -> DeviceSession:
    """A gateway's end for a device that was never seen."""
    replica = Replica(plan.spec.initial(0), samples=30, step_size=0.3, activity=0.2)
    anchor = np.zeros(plan.spec.parameters, np.float32)
    return DeviceSession(keyring_of(code), plan, replica, LinkState(anchor))


def copied(session: DeviceSession) -> DeviceSession:
    """As it is now.  The scheme never changes and, as codecs write to memory, cannot be copied."""
    assert session._exchange is not None
    scheme = session._exchange._scheme
    return copy.deepcopy(session, {id(scheme): scheme})


# Makes a device that learns from features and classes.
Make = Callable[[Floats, Any], Device | Board]


def made_of(firmware: Firmware) -> Make:
    """Devices that are the C library."""
    return lambda features, classes: Device(firmware, features, classes)


def device_for(make: Make, widths: tuple[int, ...]) -> Device | Board:
    """A device with 25 rows."""
    rng, classes = np.random.default_rng(1), np.arange(25) % widths[-1]
    features = rng.normal(size=(25, widths[0])) + classes[:, np.newaxis]
    return make(features.astype(np.float32), classes)


def wire_for(
    make: Make, widths: tuple[int, ...], pass_on: Pass = lambda content: [content]
) -> Wire:
    """A device with its code, and the gateway that gave it."""
    wire = Wire(device_for(make, widths), session_for(plan_of(widths)), pass_on)
    assert wire.device.enrol(print_code(CODE))
    return wire


def check_link(wire: Wire) -> None:
    """Both ends hold the same, to the bit."""
    state, look = wire.session.state, wire.device.look()
    assert (look.sequence, look.digest) == (state.sequence, state.digest)
    np.testing.assert_array_equal(
        wire.device.vector("R", state.anchor.size).view(np.uint32), state.anchor.view(np.uint32)
    )
