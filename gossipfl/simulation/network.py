"""Simulated links: what a message costs, how long it takes, and whether it arrives."""

from collections.abc import Callable, Container, Iterator
from typing import Any, Final

import numpy as np
from attrs import field, frozen
from attrs.validators import ge, gt, le, lt, optional

from gossipfl.faults.links import CLEAR
from gossipfl.faults.paths import Paths
from gossipfl.simulation.chance import stream
from gossipfl.simulation.checks import checked
from gossipfl.simulation.engine import Engine
from gossipfl.wire.messages import Message, encode

# What a secured link adds to a frame: its length (2), the counter (2), the AEAD tag (16).
FRAME_OVERHEAD_BYTES: Final = 2 + 2 + 16

DRAWN_AT_ONCE: Final = 1024

Receive = Callable[[int, Any], None]


@frozen(kw_only=True)
class Conditions:
    """What the links between nodes are like; each direction of each link on its own.

    latency_s: mean time on the way.
    latency_spread: a link's own latency is drawn once, log-uniformly, between the mean divided
        by this factor and the mean times it; 1 makes all links alike.
    jitter_s: a frame is up to so much later, uniformly, and may be overtaken.
    bandwidth: bytes a second and direction, frames wait for those before them; None: no limit.
    loss: share of frames that vanish.
    duplication: share of frames that arrive twice.
    Raises ConfigError for a value outside its range.
    """

    latency_s: float = field(default=0.01, validator=checked(ge(0)))
    latency_spread: float = field(default=1.0, validator=checked(ge(1)))
    jitter_s: float = field(default=0.0, validator=checked(ge(0)))
    bandwidth: float | None = field(default=None, validator=checked(optional(gt(0))))
    loss: float = field(default=0.0, validator=checked(ge(0), lt(1)))
    duplication: float = field(default=0.0, validator=checked(ge(0), le(1)))


class Network:
    """Carries messages between numbered ends, and counts what every end sends.

    A message becomes a frame, whose length counts; the other end gets the message itself, which
    nobody changes, for decoding would but make it again.

    ends: how many there are; a coordinator may be one of them.
    away: ends that frames are lost to, however they got on their way; may change at any time.
    paths: what faults do to links beside.
    sent_bytes, sent_frames: of every end, encoded frames with FRAME_OVERHEAD_BYTES each; lost
        frames count, since they were sent; copies that the network makes do not.
    """

    def __init__(
        self, engine: Engine, conditions: Conditions, ends: int, away: Container[int], seed: int
    ) -> None:
        self.paths = Paths()
        self.sent_bytes = [0] * ends
        self.sent_frames = [0] * ends
        self._engine = engine
        self._conditions = conditions
        self._away = away
        self._seed = seed
        self._jitter = stream(seed, "jitter")
        self._faults = stream(seed, "faults")
        self._fates = _fates(stream(seed, "network"), conditions)
        self._receivers: dict[int, Receive] = {}
        self._certain_s = _certain_s(conditions)
        self._latencies_s: dict[tuple[int, int], float] = {}
        self._free_s: dict[tuple[int, int], float] = {}

    def attach(self, end: int, receive: Receive) -> None:
        """Messages to `end` go to receive(sender, message) from now on."""
        self._receivers[end] = receive

    def send(self, sender: int, receiver: int, message: Message) -> None:
        """Put one message on its way."""
        length = len(encode(message)) + FRAME_OVERHEAD_BYTES
        self.sent_bytes[sender] += length
        self.sent_frames[sender] += 1
        if self._certain_s is not None and self.paths.are_clear:
            self._engine.line_up(self._certain_s, self._arrive, sender, receiver, message)
        else:
            self._send_by_chance(sender, receiver, length, message)

    def _send_by_chance(self, sender: int, receiver: int, length: int, message: Message) -> None:
        path, copies = self.paths.between(sender, receiver), next(self._fates)
        delay_s = self._delay_s(sender, receiver, length, path.bytes_per_s)
        if self._conditions.jitter_s:
            delay_s += self._conditions.jitter_s * float(self._jitter.random())
        if path is not CLEAR:
            delay_s += path.delay_s + path.jitter_s * float(self._faults.random())
            copies *= not (path.cut or self._faults.random() < path.loss)
        for _ in range(copies):
            self._engine.schedule(delay_s, self._arrive, sender, receiver, message)

    def _arrive(self, sender: int, receiver: int, message: Message) -> None:
        if receiver not in self._away:
            self._receivers[receiver](sender, message)

    def _delay_s(self, sender: int, receiver: int, length: int, most: float | None) -> float:
        """Queue behind earlier frames, then transmission, then latency: links keep order."""
        way, bandwidth = (sender, receiver), self._conditions.bandwidth
        if most is not None:
            bandwidth = most if bandwidth is None else min(most, bandwidth)
        if bandwidth is None:
            return self._latency_s(way)
        now_s = self._engine.now_s
        self._free_s[way] = max(now_s, self._free_s.get(way, 0.0)) + length / bandwidth
        return self._free_s[way] - now_s + self._latency_s(way)

    def _latency_s(self, way: tuple[int, int]) -> float:
        conditions = self._conditions
        if conditions.latency_spread == 1:
            return conditions.latency_s
        if way not in self._latencies_s:
            # By name, not in order of use: the same link is as slow under every algorithm.
            exponent = stream(self._seed, "latency", *way).uniform(-1, 1)
            factor = conditions.latency_spread**exponent
            self._latencies_s[way] = conditions.latency_s * float(factor)
        return self._latencies_s[way]


def _certain_s(conditions: Conditions) -> float | None:
    """What every frame takes, where nothing is left to chance or to other frames."""
    c = conditions
    if c.latency_spread > 1 or c.jitter_s or c.bandwidth or c.loss or c.duplication:
        return None
    return c.latency_s


def _fates(rng: np.random.Generator, conditions: Conditions) -> Iterator[int]:
    """How often one frame after the other arrives: 0, 1 or 2 times.

    Both draws happen for every frame, so that runs differ by what is lost and no more.
    """
    while True:
        lost, twice = (rng.random((DRAWN_AT_ONCE, 2)) < (conditions.loss, conditions.duplication)).T
        yield from np.where(lost, 0, 1 + twice).tolist()
