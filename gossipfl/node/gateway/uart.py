"""A device on a serial line, USB adapters among them: raw bytes of eight bits, no parity."""

import fcntl
import os
import termios
import tty
from typing import Final

import trio

from gossipfl.devices.frames import FRAME_MAX
from gossipfl.devices.framing import Deframer, enframe
from gossipfl.errors import ConfigError, Unreachable
from gossipfl.node.gateway.wires import Arrival, Take, Wire

BAUD: Final = 115_200
READ_BYTES: Final = 4096
_CFLAG, _ISPEED, _OSPEED = 2, 4, 5


class Uart(Wire):
    """line: its path, and behind a comma another speed in baud: /dev/ttyUSB0,921600."""

    def __init__(self, line: str) -> None:
        """Raises ConfigError for a speed that no line has."""
        self._path, _, baud = line.partition(",")
        self._speed = _speed(baud) if baud else _speed(str(BAUD))
        self.name = f"uart {self._path}"
        # Two answers at once would come out mixed.
        self._sending = trio.Lock()

    async def serve(
        self, take: Take, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
    ) -> None:
        line, deframer = self._open(), Deframer(FRAME_MAX)

        async def answer(frame: bytes) -> None:
            async with self._sending:
                await self._write(line, enframe(frame))

        try:
            task_status.started(self.name)
            while True:
                for frame in deframer.feed(await self._read(line)):
                    take(Arrival(frame, self.name, answer))
        finally:
            # Whoever waits to write must not wait for a number that means another file soon.
            trio.lowlevel.notify_closing(line)
            os.close(line)

    def _open(self) -> int:
        try:
            line = os.open(self._path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise ConfigError(
                f"cannot open {self.name}: {error.strerror}{_advice(error)}"
            ) from None
        try:
            # Not to be shared: a second reader would take every other byte.
            fcntl.ioctl(line, termios.TIOCEXCL)
            tty.setraw(line, termios.TCSANOW)
            settings = termios.tcgetattr(line)
            settings[_CFLAG] |= termios.CLOCAL | termios.CREAD
            settings[_ISPEED] = settings[_OSPEED] = self._speed
            termios.tcsetattr(line, termios.TCSANOW, settings)
        except (OSError, termios.error):
            os.close(line)
            raise ConfigError(f"{self.name} is no serial line: name one, as /dev/ttyUSB0") from None
        return line

    async def _read(self, line: int) -> bytes:
        try:
            await trio.lowlevel.wait_readable(line)
            content = os.read(line, READ_BYTES)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise Unreachable(f"{self.name}: {error.strerror}") from None
        if not content:
            raise Unreachable(f"{self.name} was unplugged")
        return content

    async def _write(self, line: int, content: bytes) -> None:
        try:
            while content:
                await trio.lowlevel.wait_writable(line)
                content = content[os.write(line, content) :]
        except (OSError, trio.ClosedResourceError):
            raise Unreachable(f"{self.name} was unplugged") from None


def _speed(baud: str) -> int:
    """The number that termios has for it."""
    speed = getattr(termios, f"B{baud}", None) if baud.isdecimal() and baud != "0" else None
    if not isinstance(speed, int):
        raise ConfigError(f"{baud[:20]!r} is no speed of a serial line: 9600, 115200, 921600, ...")
    return speed


def _advice(error: OSError) -> str:
    return "; your user must be in the group dialout" if isinstance(error, PermissionError) else ""
