"""Every legal message survives the wire; nothing illegal gets in."""

import attrs
import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.errors import LocalProtocolError, RemoteProtocolError
from gossipfl.wire import messages
from gossipfl.wire.fragments import PART_BYTES, Assembler, split
from gossipfl.wire.messages import (
    FRAME_MAX,
    PAYLOAD_MAX,
    PROTOCOL_VERSION,
    TYPES,
    Fragment,
    Hello,
    KnownMoments,
    Members,
    Message,
    Mismatch,
    MomentsUpdate,
    Ping,
    PingRequest,
    PingResult,
    Pong,
    Refusal,
    Reply,
    Request,
    Revocations,
    Seed,
    decode,
    encode,
)
from gossipfl.wire.relay import RelayClose, RelayFrame, RelayOpen
from gossipfl.wire.releases import KnownRelease, PartsWanted, ReleasePart, ReleaseUpdate

EXAMPLES: tuple[Message, ...] = (
    Hello(bytes(16), "0123456789abcdef", 7411, 3, 1),
    Refusal("another manifest"),
    Request(1, b"ab", 130, None, b"payload"),
    Reply(2**32 - 1, b"ab", 0, 2**31 - 1, b"p"),
    Mismatch(0, bytes(8)),
    Seed(b"s"),
    Ping(),
    Pong(),
    KnownMoments((bytes(8),)),
    MomentsUpdate((b"m",)),
    Revocations(b"r"),
    Fragment(0, 2, b"f"),
    PingRequest(1, bytes(8)),
    PingResult(2**16 - 1, False),
    Members(((bytes(8), 1),), True, (bytes(8),), ((b"r", 0),), (b"o",)),
    KnownRelease(0, False, 0, (bytes(8),)),
    ReleaseUpdate(1, b"", (b"r",)),
    PartsWanted(1, (0, 63)),
    ReleasePart(1, 63, b"p"),
    RelayOpen(1, bytes(8)),
    RelayFrame(2**16 - 1, True, b"f"),
    RelayClose(1, False, "gone"),
)


def head(kind: type[Message]) -> bytes:
    return messages.head(TYPES.index(kind))


def test_there_is_an_example_of_every_type() -> None:
    assert {type(message) for message in EXAMPLES} == set(TYPES)


@pytest.mark.parametrize("message", EXAMPLES, ids=lambda m: type(m).__name__)
def test_round_trip(message: Message) -> None:
    assert decode(encode(message)) == message


@pytest.mark.parametrize("message", EXAMPLES, ids=lambda m: type(m).__name__)
def test_truncated_frames_are_refused(message: Message) -> None:
    frame = encode(message)
    for length in range(len(frame)):
        with pytest.raises(RemoteProtocolError):
            decode(frame[:length])


@pytest.mark.parametrize("message", EXAMPLES, ids=lambda m: type(m).__name__)
def test_trailing_bytes_are_refused(message: Message) -> None:
    with pytest.raises(RemoteProtocolError):
        decode(encode(message) + b"\0")


@given(st.binary(max_size=200))
def test_junk_is_refused_or_legal(frame: bytes) -> None:
    try:
        message = decode(frame)
    except RemoteProtocolError:
        return
    assert decode(encode(message)) == message


@pytest.mark.parametrize("message", EXAMPLES, ids=lambda m: type(m).__name__)
@given(data=st.data())
def test_flipped_bits_are_refused_or_legal(message: Message, data: st.DataObject) -> None:
    frame = bytearray(encode(message))
    frame[data.draw(st.integers(0, len(frame) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        decode(bytes(frame))
    except RemoteProtocolError:
        return


ILLEGAL: tuple[tuple[type[Message], object], ...] = (
    (Request, [0, b"ab", 1, None, b"x"]),
    (Request, [True, b"ab", 1, None, b"x"]),
    (Request, [2**32, b"ab", 1, None, b"x"]),
    (Request, [1, b"abc", 1, None, b"x"]),
    (Request, [1, b"ab", 256, None, b"x"]),
    (Request, [1, b"ab", 1, 0, b"x"]),
    (Request, [1, b"ab", 1, 2**31, b"x"]),
    (Request, [1, b"ab", 1, 5, b""]),
    (Request, [1, b"ab", 1, 5, "text"]),
    (Request, [1.0, b"ab", 1, 5, b"x"]),
    (Request, [1, b"ab", 1, 5]),
    (Request, {"sequence": 1}),
    (Hello, [bytes(16), "0123456789ABCDEF", 1, 0, 1]),
    (Hello, [bytes(15), "0123456789abcdef", 1, 0, 1]),
    (Hello, [bytes(16), "0123456789abcdef", 65536, 0, 1]),
    (Refusal, ["line\nbreak"]),
    (Refusal, ["x" * 201]),
    (Hello, [bytes(16), "0123456789abcdef", 1, 0, 3]),
    (PingRequest, [0, bytes(8)]),
    (PingRequest, [1, bytes(7)]),
    (PingResult, [1, 1]),
    (PingResult, [2**16, True]),
    (Members, [[[bytes(8), 1]] * 65, False, [], [], []]),
    (Members, [[[bytes(8)]], False, [], [], []]),
    (Members, [[[bytes(8), -1]], False, [], [], []]),
    (Members, [[], 0, [], [], []]),
    (Members, [[], False, [bytes(9)], [], []]),
    (Members, [[], False, [], [[bytes(1025), 0]], []]),
    (Members, [[], False, [], [[b"r", 2**24]], []]),
    (Members, [[], False, [], [[b"r", 0]] * 17, []]),
    (Members, [[], False, [], [], [bytes(129)]]),
    (KnownMoments, [[bytes(7)]]),
    (KnownRelease, [2**32, False, 0, []]),
    (KnownRelease, [1, 0, 0, []]),
    (KnownRelease, [1, True, -1, []]),
    (KnownRelease, [1, True, 0, [bytes(8)] * 1025]),
    (ReleaseUpdate, [0, b"", []]),
    (ReleaseUpdate, [1, bytes(2049), []]),
    (ReleaseUpdate, [1, b"", [b"r"] * 65]),
    (ReleaseUpdate, [1, b"", [bytes(1025)]]),
    (PartsWanted, [1, [64]]),
    (PartsWanted, [1, [0] * 9]),
    (ReleasePart, [1, 0, bytes(8193)]),
    (ReleasePart, [1, 0, b""]),
    (RelayOpen, [0, bytes(8)]),
    (RelayOpen, [1, bytes(7)]),
    (RelayFrame, [1, 1, b"f"]),
    (RelayFrame, [1, True, bytes(65_536)]),
    (RelayClose, [1, True, "\n"]),
    (Fragment, [64, 64, b"x"]),
    (Fragment, [0, 1, b"x"]),
)


@pytest.mark.parametrize(("kind", "body"), ILLEGAL)
def test_fields_out_of_range_are_refused(kind: type[Message], body: object) -> None:
    with pytest.raises(RemoteProtocolError, match=f"illegal {kind.__name__}"):
        decode(head(kind) + msgpack.packb(body))


def test_other_versions_and_types_are_named() -> None:
    with pytest.raises(RemoteProtocolError, match="speaks protocol 2; we speak 1"):
        decode(bytes([2 << 4]) + b"\x90")
    with pytest.raises(RemoteProtocolError, match="unknown type 115"):
        decode(bytes([PROTOCOL_VERSION << 4 | 15, 100]) + b"\x90")


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(RemoteProtocolError):
        decode(head(Ping) + b"\x91" * 5000 + b"\x90")


def test_oversized_messages_never_leave_and_never_arrive() -> None:
    with pytest.raises(ValueError, match="payload is 1 to"):
        Seed(bytes(PAYLOAD_MAX + 1))
    with pytest.raises(LocalProtocolError, match="too long"):
        encode(MomentsUpdate((bytes(400_000), bytes(400_000))))
    with pytest.raises(RemoteProtocolError):
        decode(head(Seed) + bytes(FRAME_MAX))


def gather(frames: list[bytes]) -> list[Message]:
    assembler = Assembler()
    return [m for m in map(assembler.add, frames) if m is not None]


@given(st.integers(1, PAYLOAD_MAX))
def test_long_messages_travel_in_parts(length: int) -> None:
    message = Seed(bytes(length))
    frames = split(message)
    assert all(len(frame) <= PART_BYTES + 64 for frame in frames)
    assert gather(frames) == [message]


def test_messages_between_fragments_arrive() -> None:
    first, *rest = split(Seed(bytes(100_000)))
    assert gather([first, encode(Ping()), *rest]) == [Ping(), Seed(bytes(100_000))]


def test_a_gap_drops_the_message_and_the_next_one_arrives() -> None:
    first, second, third, *_ = split(Seed(bytes(150_000)))
    whole = split(Seed(bytes(70_000)))
    assert gather([first, third, second, *whole]) == [Seed(bytes(70_000))]


def test_fragments_may_not_nest_or_outgrow_any_message() -> None:
    inner = encode(Fragment(0, 2, b"x" * 4))
    with pytest.raises(RemoteProtocolError, match="inside"):
        gather([encode(Fragment(0, 2, inner[:3])), encode(Fragment(1, 2, inner[3:]))])
    with pytest.raises(RemoteProtocolError, match="longer"):
        gather([encode(Fragment(i, 64, bytes(65_000))) for i in range(64)])


def test_messages_are_immutable() -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        EXAMPLES[0].port = 1  # type: ignore[union-attr,misc]
