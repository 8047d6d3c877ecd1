"""StreamLink over hand-written streams: slow, cut off, cancelled, illegal."""

import pytest
import trio

from gossipfl.errors import LocalProtocolError, RemoteProtocolError, Unreachable
from gossipfl.transports.base import Traffic
from gossipfl.transports.tcp import StreamLink

FRAMES = [b"a", b"bc" * 700, b"\x00" * 65535, b"end"]


def framed(frames) -> bytes:
    return b"".join(len(frame).to_bytes(2, "big") + frame for frame in frames)


@pytest.mark.parametrize(
    ("chunk", "frames"), [(1, FRAMES[:2]), (2, FRAMES[:2]), (1000, FRAMES), (16384, FRAMES)]
)
async def test_frames_in_chunks_of_any_size(slow_stream, autojump_clock, chunk, frames) -> None:
    link = StreamLink(slow_stream(framed(frames), chunk=chunk), "slow")
    assert [await link.receive() for _ in frames] == frames
    size = len(framed(frames))
    assert link.traffic == Traffic(received_bytes=size, received_frames=len(frames))


async def test_cancelled_receive_loses_nothing(slow_stream, autojump_clock) -> None:
    frames = [b"one", b"second", b"the third"]
    link = StreamLink(slow_stream(framed(frames)), "slow")
    received, cancelled = [], 0
    while len(received) < len(frames):
        with trio.move_on_after(2.5) as patience:
            received.append(await link.receive())
        cancelled += patience.cancelled_caught
    assert received == frames
    assert cancelled > 5


async def test_frames_from_one_read_do_not_starve_others(slow_stream) -> None:
    link = StreamLink(slow_stream(framed([b"x"] * 50), chunk=1000, delay_s=0), "flood")
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await trio.lowlevel.checkpoint()
            ticks += 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(tick)
        for _ in range(50):
            await link.receive()
        nursery.cancel_scope.cancel()
    assert ticks >= 40


@pytest.mark.parametrize("length", [0, 101, 65535])
async def test_illegal_length_is_refused_before_it_is_read(
    slow_stream, autojump_clock, length
) -> None:
    link = StreamLink(slow_stream(length.to_bytes(2, "big") + bytes(200)), "rude", frame_max=100)
    for _ in range(2):  # the link stays useless; it does not look for a frame in the rest
        with pytest.raises(RemoteProtocolError, match=f"{length} bytes"):
            await link.receive()


@pytest.mark.parametrize(("data", "where"), [(b"", "the link"), (b"\x00\x05abc", "mid-frame")])
async def test_end_of_stream_is_unreachable(slow_stream, autojump_clock, data, where) -> None:
    link = StreamLink(slow_stream(data), "gone")
    for _ in range(2):
        with pytest.raises(Unreachable, match=where):
            await link.receive()


async def test_send_cut_off_in_mid_frame_goes_on_with_the_next(slow_stream, autojump_clock) -> None:
    stream = slow_stream(b"")
    link = StreamLink(stream, "slow")
    with trio.move_on_after(3.5) as patience:
        await link.send(b"too long for the deadline")
    assert patience.cancelled_caught
    assert 0 < len(stream.sent) < 10
    await link.send(b"next")
    assert stream.sent == framed([b"too long for the deadline", b"next"])


async def test_what_a_closed_stream_does_not_take_is_an_error(slow_stream, autojump_clock) -> None:
    stream = slow_stream(b"")
    link = StreamLink(stream, "slow")
    assert not link.put(b"waits")
    await link.aclose()
    for send in (link.drain(), link.send(b"more")):
        with pytest.raises(Unreachable):
            await send


async def test_frames_of_two_tasks_stay_whole(slow_stream, autojump_clock) -> None:
    stream = slow_stream(b"")
    link = StreamLink(stream, "slow")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(link.send, b"aaaa")
        nursery.start_soon(link.send, b"bbbb")
    assert stream.sent in (framed([b"aaaa", b"bbbb"]), framed([b"bbbb", b"aaaa"]))
    assert link.traffic == Traffic(sent_bytes=12, sent_frames=2)


async def test_one_write_for_a_frame(slow_stream, autojump_clock) -> None:
    """Length and body in one segment: two writes would cost a header more, or Nagle's delay."""
    stream = slow_stream(b"", chunk=1000)
    link = StreamLink(stream, "peer")
    assert not link.put(b"hello")
    await link.drain()
    assert stream.writes == [b"\x00\x05hello"]


async def test_frames_put_together_leave_together(slow_stream, autojump_clock) -> None:
    stream = slow_stream(b"", chunk=1000)
    link = StreamLink(stream, "peer")
    for frame in (b"one", b"two"):
        assert not link.put(frame)
    await link.drain()
    assert stream.writes == [framed([b"one", b"two"])]


@pytest.mark.parametrize("frame", [b"", bytes(65536)])
async def test_our_own_illegal_frame_is_our_bug(slow_stream, frame) -> None:
    with pytest.raises(LocalProtocolError):
        await StreamLink(slow_stream(b""), "peer").send(frame)
