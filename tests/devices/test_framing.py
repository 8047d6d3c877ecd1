"""Frames on a wire."""

from hypothesis import given
from hypothesis import strategies as st

from gossipfl.devices.framing import Deframer, crc16, deframe, enframe

FRAMES = st.binary(min_size=1, max_size=600) | st.integers(1, 700).map(lambda n: b"\x07" * n)


def test_the_check_value_of_the_checksum() -> None:
    assert crc16(b"123456789") == 0x29B1


@given(st.lists(FRAMES, max_size=4), st.integers(1, 50))
def test_frames_come_out_as_they_went_in(frames: list[bytes], piece: int) -> None:
    wire, deframer = b"".join(map(enframe, frames)), Deframer(700)
    found = [
        frame for at in range(0, len(wire), piece) for frame in deframer.feed(wire[at : at + piece])
    ]
    assert found == frames
    assert all(part.count(b"\0") == 1 for part in map(enframe, frames))


@given(FRAMES, st.binary(max_size=30), st.integers(0, 10**6), st.integers(0, 7))
def test_noise_costs_what_it_touches_and_no_more(
    frame: bytes, noise: bytes, place: int, bit: int
) -> None:
    broken = bytearray(enframe(frame))
    broken[place % len(broken)] ^= 1 << bit
    wire = noise + b"\0" + bytes(broken) + b"\0" + enframe(b"last")
    found = list(Deframer(700).feed(wire))
    assert found[-1] == b"last"
    assert len(found) <= 3


@given(st.integers(0, 40))
def test_what_is_too_long_is_dropped_and_not_held(extra: int) -> None:
    deframer = Deframer(20)
    for _ in range(1000):
        assert not list(deframer.feed(b"\x01" * 100))
    wire = b"\0" + enframe(bytes(20 + extra)) + enframe(b"next")
    assert len(list(deframer.feed(wire))) == (2 if extra == 0 else 1)


def test_what_is_no_frame() -> None:
    for stuffed in (b"", b"\x01", b"\x05ab", b"\x03\x00\x00", b"\x02a"):
        assert deframe(stuffed) is None
