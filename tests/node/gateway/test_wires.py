"""Frames in and answers out, over a pseudo-terminal and over loopback UDP."""

import os
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
import trio.lowlevel

from gossipfl.devices.framing import enframe
from gossipfl.errors import ConfigError, Unreachable
from gossipfl.node.gateway.uart import Uart
from gossipfl.node.gateway.udp import Udp
from gossipfl.node.gateway.wires import WIRE_BYTES_MAX, Arrival, Wire, frames_in

FRAME, OTHER = bytes(range(40)), b"\0" * 300


@asynccontextmanager
async def served(wire: Wire) -> AsyncIterator[trio.MemoryReceiveChannel[Arrival]]:
    """What arrives while the wire is served."""
    send, receive = trio.open_memory_channel[Arrival](10)
    async with trio.open_nursery() as nursery:
        await nursery.start(wire.serve, send.send_nowait)
        yield receive
        nursery.cancel_scope.cancel()


def pty() -> tuple[int, str]:
    """(our end, the path of the line's other end)."""
    ours, line = os.openpty()
    path = os.ttyname(line)
    os.close(line)
    return ours, path


async def test_frames_over_a_serial_line_in_pieces() -> None:
    ours, path = pty()
    async with served(Uart(f"{path},57600")) as arrivals:
        content = b"noise\0" + enframe(FRAME) + enframe(OTHER)
        for i in range(0, len(content), 7):
            os.write(ours, content[i : i + 7])
            await trio.lowlevel.checkpoint()
        first, second = await arrivals.receive(), await arrivals.receive()
        assert (first.frame, second.frame) == (FRAME, OTHER)
        assert first.origin == f"uart {path}"
        async with trio.open_nursery() as nursery:
            nursery.start_soon(first.answer, OTHER)
            nursery.start_soon(second.answer, FRAME)
        answered = os.read(ours, 4096)
        assert answered in (enframe(OTHER) + enframe(FRAME), enframe(FRAME) + enframe(OTHER))
        settings = termios.tcgetattr(ours)
        assert settings[4:6] == [termios.B57600, termios.B57600]
    os.close(ours)


async def test_a_serial_line_that_is_unplugged_can_be_served_anew() -> None:
    ours, path = pty()
    wire = Uart(path)
    with pytest.RaisesGroup(Unreachable):
        async with served(wire):
            os.close(ours)
            await trio.sleep_forever()
    with pytest.raises(ConfigError, match="cannot open"):
        await wire.serve(lambda arrival: None)


@pytest.mark.parametrize("line", ["/dev/ttyX,12", "/dev/ttyX,0", "/dev/ttyX,fast", "/dev/ttyX,-1"])
def test_speeds_that_no_line_has(line: str) -> None:
    with pytest.raises(ConfigError, match="no speed"):
        Uart(line)


@pytest.mark.parametrize("path", ["/dev/null", "/dev/no-such-line"])
async def test_what_is_no_serial_line(path: str) -> None:
    with pytest.raises(ConfigError, match=path):
        await Uart(path).serve(lambda arrival: None)


async def test_datagrams() -> None:
    wire = Udp("127.0.0.1:0")
    async with served(wire) as arrivals:
        port = int(wire.name.rpartition(":")[2])
        with trio.socket.socket(type=trio.socket.SOCK_DGRAM) as device:
            await device.connect(("127.0.0.1", port))
            for datagram in (b"", b"noise", b"\xff" * 9000, enframe(FRAME)):
                await device.send(datagram)
            arrival = await arrivals.receive()
            assert arrival.frame == FRAME
            assert arrival.origin == "udp {}:{}".format(*device.getsockname())
            await arrival.answer(OTHER)
            assert await device.recv(4096) == enframe(OTHER)
        assert wire.name == f"udp 127.0.0.1:{port}"
        with pytest.raises(ConfigError, match="cannot listen"):
            await Udp(f"127.0.0.1:{port}").serve(lambda arrival: None)


async def test_an_address_of_another_machine() -> None:
    with pytest.raises(ConfigError, match="cannot listen"):
        await Udp("192.0.2.1:0").serve(lambda arrival: None)


def test_frames_of_a_message() -> None:
    assert frames_in(enframe(FRAME)) == (FRAME,)
    assert frames_in(enframe(FRAME)[:-1]) == ()
    assert frames_in(bytes(WIRE_BYTES_MAX) + enframe(FRAME)) == ()
    assert len(enframe(b"\1" * 2026)) <= WIRE_BYTES_MAX
