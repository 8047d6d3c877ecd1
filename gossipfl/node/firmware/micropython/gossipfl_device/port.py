"""All that a board provides: ways to send, receive, tell the time, draw and store."""

import os
import time

TYPE_CHECKING = False  # of checkers alone, which take it for True: boards lack these modules
if TYPE_CHECKING:
    from typing import Protocol

    class Stream(Protocol):
        """As machine.UART."""

        def any(self) -> int: ...

        def read(self, count: int) -> bytes | None: ...

        def write(self, content: memoryview) -> int | None: ...

    class Datagrams(Protocol):
        """As socket.socket."""

        def send(self, content: bytearray) -> int: ...

        def readinto(self, room: bytearray) -> int | None: ...


class Port:
    """Five things, of which the last is a folder's name; `SerialPort` and `UdpPort` have them all.

    directory: on the board's filesystem, for the state alone.
    """

    def __init__(self, directory: str = "gossipfl") -> None:
        self.directory = directory

    def send(self, content: bytearray) -> None:
        """One whole encoded frame, the delimiter included; may be lost."""
        raise NotImplementedError

    def receive(self) -> bytes:
        """Bytes that have come, a few hundred at most; none when there are none.  Never waits."""
        raise NotImplementedError

    def clock_ms(self) -> int:
        """Milliseconds, as time.ticks_ms."""
        return int(time.ticks_ms())  # type: ignore[attr-defined]

    def random(self, count: int) -> bytes:
        """Unpredictable bytes: keys depend on them.  On an ESP32, switch the radio on before."""
        return os.urandom(count)


class SerialPort(Port):
    """stream: a machine.UART, or anything with any, read and write."""

    def __init__(self, stream: Stream, directory: str = "gossipfl") -> None:
        super().__init__(directory)
        self._stream = stream

    def send(self, content: bytearray) -> None:
        """Write it all, or as much as the stream takes: a frame that is cut is asked again."""
        place = 0
        while place < len(content):
            count = self._stream.write(memoryview(content)[place:])
            if not count:
                return
            place += count

    def receive(self) -> bytes:
        """What the stream holds."""
        count = min(self._stream.any(), 512)
        return (self._stream.read(count) or b"") if count else b""


class UdpPort(Port):
    """One frame a datagram.

    wire: a socket that is connected to the gateway and does not block.
    datagram_max: its bytes; some forty more than those of a message, see Room.
    """

    def __init__(
        self, wire: Datagrams, directory: str = "gossipfl", datagram_max: int = 384
    ) -> None:
        super().__init__(directory)
        self._wire = wire
        self._datagram = bytearray(datagram_max)

    def send(self, content: bytearray) -> None:
        """Errors need no answer: what is lost is asked for again."""
        try:
            self._wire.send(content)
        except OSError:
            pass

    def receive(self) -> bytes:
        """One datagram."""
        try:
            count = self._wire.readinto(self._datagram)
        except OSError:
            count = 0
        return bytes(memoryview(self._datagram)[:count]) if count else b""
