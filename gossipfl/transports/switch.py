"""A learning Ethernet switch in memory: which frame leaves where, and when.

Pure: frames and times are arguments, so that it can be tested without a network and run a real one
(node/harness/switchboard.py).
"""

import heapq
from collections.abc import Iterator
from typing import Final

import numpy as np

from gossipfl.faults.links import PathFaults
from gossipfl.faults.paths import Paths

ADDRESS_BYTES: Final = 6
BROADCAST: Final = b"\xff" * ADDRESS_BYTES
HEADER_BYTES: Final = 14
ADDRESSES_MAX: Final = 4096
IN_FLIGHT_MAX: Final = 100_000
QUEUE_MAX_S: Final = 2.0


class Switch:
    """Ports are numbered as the nodes behind them; each way between two is as `paths` says.

    rng: for loss and jitter.
    lost: frames that did not get through: by loss, by a cut, or in front of a full queue.
    """

    def __init__(self, ports: int, rng: np.random.Generator) -> None:
        self.paths = Paths()
        self.lost = 0
        self._ports = range(ports)
        self._rng = rng
        self._port_of: dict[bytes, int] = {}
        self._free_s: dict[tuple[int, int], float] = {}
        self._in_flight: list[tuple[float, int, int, bytes]] = []
        self._taken = 0

    @property
    def next_s(self) -> float | None:
        """When the next frame is due; None when there is none."""
        return self._in_flight[0][0] if self._in_flight else None

    def take(self, port: int, frame: bytes, now_s: float) -> None:
        """A frame came in from this port."""
        if len(frame) < HEADER_BYTES:
            self.lost += 1
            return
        receiver, sender = frame[:ADDRESS_BYTES], frame[ADDRESS_BYTES : 2 * ADDRESS_BYTES]
        if sender in self._port_of or len(self._port_of) < ADDRESSES_MAX:
            self._port_of[sender] = port
        known = None if receiver[0] & 1 else self._port_of.get(receiver)
        for other in self._ports if known is None else (known,):
            if other != port:
                self._send(port, other, frame, now_s)

    def due(self, now_s: float) -> Iterator[tuple[int, bytes]]:
        """(port, frame) of everything that has arrived by now, in order of arrival."""
        while self._in_flight and self._in_flight[0][0] <= now_s:
            _, _, port, frame = heapq.heappop(self._in_flight)
            yield port, frame

    def _send(self, port: int, other: int, frame: bytes, now_s: float) -> None:
        path = self.paths.between(port, other)
        arrival_s = self._arrival_s(path, (port, other), len(frame), now_s)
        if path.mute and _is_multicast(frame):
            arrival_s = None
        if arrival_s is None or len(self._in_flight) >= IN_FLIGHT_MAX:
            self.lost += 1
            return
        self._taken += 1
        heapq.heappush(self._in_flight, (arrival_s, self._taken, other, frame))

    def _arrival_s(
        self, path: PathFaults, way: tuple[int, int], length: int, now_s: float
    ) -> float | None:
        """Queue, transmission, delay; None when it gets lost."""
        if path.cut or (path.loss and self._rng.random() < path.loss):
            return None
        if path.bytes_per_s is not None:
            start_s = max(now_s, self._free_s.get(way, now_s))
            if start_s - now_s > QUEUE_MAX_S:
                return None
            now_s = self._free_s[way] = start_s + length / path.bytes_per_s
        jitter_s = path.jitter_s * self._rng.random() if path.jitter_s else 0.0
        return now_s + path.delay_s + jitter_s


def _is_multicast(frame: bytes) -> bool:
    """To a group; broadcasts are not, without which hosts find no addresses (ARP)."""
    return bool(frame[0] & 1) and not frame.startswith(BROADCAST)
