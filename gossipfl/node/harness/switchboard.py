"""A process that owns a switch and the network namespaces plugged into it; root only, Linux only.

    python -m gossipfl.node.harness.switchboard PORTS SEED

Each namespace has one interface, a TAP device whose other end is a port of the switch.  Nothing
here has a name or outlives its processes: namespaces and devices end with those that hold them.  It
tells on standard output, in one JSON line, by which descriptors namespaces can be entered, or why
there are none; takes events of a fault script as JSON lines on standard input; and ends with it.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import selectors
import signal
import struct
import subprocess
import sys
import time
from typing import Final

import numpy as np

from gossipfl.faults.links import OnLinks
from gossipfl.faults.script import parse_script
from gossipfl.transports.switch import Switch

_TUN: Final = "/dev/net/tun"
_TUNSETIFF: Final = 0x400454CA
_TAP_WITHOUT_HEADER: Final = 0x0002 | 0x1000
_CLONE_NEWNET: Final = 0x40000000
_FRAME_MAX: Final = 2048  # above Ethernet's 1514
_FRAMES_AT_ONCE: Final = 64
_EVENT_BYTES_MAX: Final = 1024 * 1024
_HOSTS_A_NET: Final = 250

_SET_UP: Final = """\
link set lo up
link set eth0 address 02:67:66:6c:{high:02x}:{low:02x} addrgenmode none
address add {host}/16 dev eth0
link set eth0 up
route add default dev eth0
"""


def host_of(number: int) -> str:
    """The IPv4 address of a numbered namespace."""
    return f"10.77.{number // _HOSTS_A_NET}.{number % _HOSTS_A_NET + 1}"


class Switchboard:
    """The descriptors, and the loop that moves frames between them."""

    def __init__(self, ports: int, rng: np.random.Generator) -> None:
        """Raises OSError, or subprocess.CalledProcessError, where that is not possible."""
        self.namespaces: list[int] = []
        self._switch = Switch(ports, rng)
        self._devices = [self._plug_in(number) for number in range(ports)]
        self._input = b""

    def _plug_in(self, number: int) -> int:
        """A namespace with one interface; the descriptor of the interface's other end."""
        _unshare_network()
        device = os.open(_TUN, os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH", b"eth0", _TAP_WITHOUT_HEADER))
        self.namespaces.append(os.open("/proc/self/ns/net", os.O_RDONLY))
        high, low = divmod(number, 256)
        commands = _SET_UP.format(host=host_of(number), high=high, low=low)
        subprocess.run(
            ["ip", "-batch", "-"], input=commands.encode(), check=True, capture_output=True
        )
        return device

    def run(self) -> None:
        """Until standard input ends."""
        selector = selectors.DefaultSelector()
        selector.register(sys.stdin.fileno(), selectors.EVENT_READ, None)
        for port, device in enumerate(self._devices):
            selector.register(device, selectors.EVENT_READ, port)
        while True:
            next_s = self._switch.next_s
            wait_s = None if next_s is None else max(0.0, next_s - time.monotonic())
            for key, _ in selector.select(wait_s):
                if key.data is not None:
                    self._read_frames(key.data)
                elif not self._read_events():
                    return
            for port, frame in self._switch.due(time.monotonic()):
                with contextlib.suppress(OSError):  # a full queue loses frames, as switches do
                    os.write(self._devices[port], frame)

    def _read_frames(self, port: int) -> None:
        for _ in range(_FRAMES_AT_ONCE):
            try:
                frame = os.read(self._devices[port], _FRAME_MAX)
            except BlockingIOError:
                return
            self._switch.take(port, frame, time.monotonic())

    def _read_events(self) -> bool:
        """False at the end of standard input."""
        part = os.read(sys.stdin.fileno(), 65536)
        *lines, self._input = (self._input + part).split(b"\n")
        for line in lines:
            for event in parse_script({"events": [json.loads(line)]}, "standard input").events:
                assert isinstance(event, OnLinks)
                self._switch.paths.apply(event)
        return bool(part) and len(self._input) <= _EVENT_BYTES_MAX


def _unshare_network() -> None:
    """Move this process into a fresh network; those it was in before stay with their holders."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _reason(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        return str(error.stderr.decode("utf-8", "replace").strip().splitlines()[0])
    return str(error)


def main() -> None:
    """Set up, tell, and move frames."""
    # Ctrl-C is for the parent, which still needs the network to stop nodes politely.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ports, seed = map(int, sys.argv[1:])
    try:
        board = Switchboard(ports, np.random.default_rng(seed))
    except (OSError, subprocess.CalledProcessError) as error:
        print(json.dumps({"error": _reason(error)}), flush=True)
        return
    print(json.dumps({"namespaces": board.namespaces}), flush=True)
    board.run()


if __name__ == "__main__":
    main()
