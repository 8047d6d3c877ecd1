"""Frames over TCP: two bytes of length, big-endian, then the frame.

The same framing as Noise over TCP commonly uses; encryption is transports/secure.py's business.
"""

import errno
import os
import struct
from collections.abc import Awaitable
from typing import Protocol, TypeVar

import trio

from gossipfl.errors import ConfigError, RemoteProtocolError, Unreachable
from gossipfl.transports.address import format_address, parse_address
from gossipfl.transports.base import (
    FRAME_MAX,
    LINKS_MAX,
    PREFIX_BYTES,
    Handler,
    Link,
    Reception,
    ReceptionStatistics,
    Traffic,
    Transport,
    check_frame,
)

T = TypeVar("T")

_LENGTH = struct.Struct(">H")
_READ_BYTES = 16384
CLOSED = -1  # what no call to the system takes for a descriptor
_GONE = (OSError, trio.ClosedResourceError)


class Stream(Protocol):
    """Bytes both ways.  Raises OSError or trio.ClosedResourceError when it is over."""

    def write(self, data: bytes | bytearray) -> int:
        """How many of the first bytes it takes at once."""

    async def writable(self) -> None:
        """Until it may take more."""

    async def read(self, most: int) -> bytes:
        """The next 1 to `most` bytes; none at the end.  Cancelling it loses nothing."""

    async def aclose(self) -> None:
        """Let go of it, and wake whoever waits for it."""


class TcpStream:
    """A connected socket.

    Trio's own stream lets others run around every call, and reads in vain before it waits: that
    costs more than a small model's round.
    """

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self.socket = stream.socket
        self._descriptor = self.socket.fileno()

    def write(self, data: bytes | bytearray) -> int:
        try:
            return os.write(self._descriptor, data)
        except BlockingIOError:
            return 0

    async def writable(self) -> None:
        await trio.lowlevel.wait_writable(self._descriptor)

    async def read(self, most: int) -> bytes:
        while True:
            await trio.lowlevel.wait_readable(self._descriptor)
            try:
                return os.read(self._descriptor, most)
            except BlockingIOError:
                continue  # a false alarm

    async def aclose(self) -> None:
        self._descriptor = CLOSED  # another socket may get its number
        await self._stream.aclose()


class StreamLink(Link):
    """Frames over any byte stream.

    frame_max: bytes; longer frames are refused before they are read, so it also bounds our memory.
    """

    def __init__(self, stream: Stream, peer: str, frame_max: int = FRAME_MAX) -> None:
        self.peer = peer
        self.traffic = Traffic()
        self._stream = stream
        self._frame_max = frame_max
        # Bytes live here, not in receive(), so that cancelling receive() loses none.
        self._buffer = bytearray()
        self._outgoing = bytearray()
        self._draining = trio.Lock()

    def put(self, frame: bytes) -> bool:
        check_frame(frame, self._frame_max)
        self._outgoing += _LENGTH.pack(len(frame)) + frame
        self.traffic.sent_bytes += PREFIX_BYTES + len(frame)
        self.traffic.sent_frames += 1
        return not self._draining.locked() and self._write()

    async def drain(self) -> None:
        async with self._draining:
            while not self._write():
                await self._wait(self._stream.writable())

    def _write(self) -> bool:
        """Whether the stream takes all that waits."""
        try:
            taken = self._stream.write(self._outgoing) if self._outgoing else 0
        except _GONE as error:
            raise self._gone(error) from error
        del self._outgoing[:taken]
        return not self._outgoing

    async def receive(self) -> bytes:
        has_waited = False
        while len(self._buffer) < (end := self._wanted_bytes()):
            await self._fill()
            has_waited = True
        if not has_waited:
            # It came with the last one: a peer that floods us must not keep other tasks waiting.
            await trio.lowlevel.checkpoint()
        frame = bytes(self._buffer[PREFIX_BYTES:end])
        del self._buffer[:end]
        self.traffic.received_frames += 1
        return frame

    def _wanted_bytes(self) -> int:
        """How many bytes the buffer must hold before we can go on."""
        if len(self._buffer) < PREFIX_BYTES:
            return PREFIX_BYTES
        (length,) = _LENGTH.unpack_from(self._buffer)
        if not 1 <= length <= self._frame_max:
            # The bytes stay where they are, so every later receive() fails as well.
            raise RemoteProtocolError(
                f"{self.peer} announced a frame of {length} bytes; 1 to {self._frame_max} are legal"
            )
        return PREFIX_BYTES + int(length)

    async def _fill(self) -> None:
        data = await self._wait(self._stream.read(_READ_BYTES))
        if not data:
            where = "in mid-frame" if self._buffer else "the link"
            raise Unreachable(f"{self.peer} closed {where}")
        self._buffer += data
        self.traffic.received_bytes += len(data)

    async def _wait(self, for_what: Awaitable[T]) -> T:
        try:
            return await for_what
        except _GONE as error:
            raise self._gone(error) from error

    def _gone(self, error: BaseException) -> Unreachable:
        return Unreachable(f"{self.peer} is gone: {_reason(error)}")

    async def aclose(self) -> None:
        await self._stream.aclose()


class TcpTransport(Transport):
    """IPv4 and IPv6.

    listen: `host:port` to serve on; an empty host means every address, port 0 any free port.
    links_max: accepted links at a time; more are closed at once.
    frame_max: bytes of the longest legal frame.
    """

    def __init__(
        self, listen: str = ":0", *, links_max: int = LINKS_MAX, frame_max: int = FRAME_MAX
    ) -> None:
        self._host, self._port = parse_address(listen)
        self._frame_max = frame_max
        self._reception = Reception(links_max)

    def statistics(self) -> ReceptionStatistics:
        return self._reception.statistics()

    async def dial(self, address: str) -> Link:
        host, port = parse_address(address)
        if not host or not port:
            raise ConfigError(f"address {address!r} cannot be dialled: write HOST:PORT")
        try:
            stream = await trio.open_tcp_stream(host, port, happy_eyeballs_delay=0.25)
        except (OSError, UnicodeError) as error:  # UnicodeError: no legal name, says the resolver
            raise Unreachable(f"{address} does not answer: {_reason(error)}") from error
        return StreamLink(TcpStream(stream), address, self._frame_max)

    async def serve(
        self, on_link: Handler, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
    ) -> None:
        listeners = await _listen(self._host, self._port)

        async def accept(stream: trio.SocketStream) -> None:
            try:
                label = format_address(*stream.socket.getpeername()[:2])
            except OSError:  # gone before we looked
                await stream.aclose()
                return
            await self._reception.host(
                StreamLink(TcpStream(stream), label, self._frame_max), on_link
            )

        task_status.started(format_address(*listeners[0].socket.getsockname()[:2]))
        await trio.serve_listeners(accept, listeners)


async def _listen(host: str, port: int) -> list[trio.SocketListener]:
    """Listeners that share one port, the first one's address being the one to report."""
    if host:
        listeners = await _open(host, port)
        if port:
            return listeners
        # A name with several addresses would get another free port on each of them.
        for extra in listeners[1:]:
            await extra.aclose()
        return listeners[:1]
    listeners = await _open("0.0.0.0", port)
    try:
        return listeners + await _open("::", listeners[0].socket.getsockname()[1])
    except ConfigError:  # no IPv6 on this device
        return listeners


async def _open(host: str, port: int) -> list[trio.SocketListener]:
    try:
        return await trio.open_tcp_listeners(port, host=host)
    except (OSError, UnicodeError) as error:
        raise ConfigError(_cannot_listen(host, port, error)) from error


def _cannot_listen(host: str, port: int, error: Exception) -> str:
    number = error.errno if isinstance(error, OSError) else None
    address = format_address(host, port)
    if number == errno.EADDRINUSE:
        return (
            f"port {port} on {host} is in use: stop the program that holds it, "
            "or choose another (--listen :0 picks a free one)"
        )
    if number == errno.EACCES:
        return f"port {port} needs privileges: choose one above 1023 (--listen :0 picks a free one)"
    if number == errno.EADDRNOTAVAIL:
        return f"cannot listen on {address}: {host} is not an address of this device"
    return f"cannot listen on {address}: {_reason(error)}"


def _reason(error: BaseException) -> str:
    """The innermost cause says it best: trio wraps the system's error."""
    cause = error.__cause__
    if isinstance(cause, BaseExceptionGroup):
        cause = cause.exceptions[0]
    if isinstance(cause, OSError):
        error = cause
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
