"""The messages that neighbours exchange, with the limits that every field must keep.

A frame is one byte (protocol version in the high half, message type in the low half) followed by
a msgpack array with one element per field, in the order of the class.  Types from 15 on, which are
rarer, have 15 in that half and the rest of their number in a byte of its own.  `decode` is the only
way in: whatever it returns is in range, so nothing behind it checks again.
"""

from enum import IntEnum
from operator import attrgetter
from typing import Final

import attrs
import msgpack
from attrs import define, field, frozen
from attrs.validators import instance_of

from gossipfl.errors import LocalProtocolError, RemoteProtocolError
from gossipfl.wire.fields import integer, octets, pair_of, text, tuple_of
from gossipfl.wire.relay import RelayClose, RelayFrame, RelayOpen
from gossipfl.wire.releases import KnownRelease, PartsWanted, ReleasePart, ReleaseUpdate

PROTOCOL_VERSION: Final = 1
SEQUENCE_MAX: Final = 2**32 - 1
SAMPLES_MAX: Final = 2**31 - 1
PAYLOAD_MAX: Final = 512 * 1024
FRAME_MAX: Final = PAYLOAD_MAX + 64
MESSAGE_DIGEST_BYTES: Final = 2
LINK_DIGEST_BYTES: Final = 8
# Around the payload of a Half: its own fields, then length, counter and tag of a sealed frame.
HALF_OVERHEAD_MAX: Final = 1 + 1 + 5 + 4 + 2 + 5 + 5 + 2 + 2 + 16
NUMBER_MAX: Final = 2**16 - 1
MEMBER_BYTES: Final = 8
MEMBERS_MAX: Final = 64
RECORDS_MAX: Final = 16
RECORD_MAX: Final = 1024
OBITUARY_MAX: Final = 128
AGE_MAX_S: Final = 2**24 - 1
MOMENTS_MAX: Final = 64


class Wish(IntEnum):
    """What a dialler wants: only to see who is there, a link, or one at any price, having none."""

    VISIT = 0
    LINK = 1
    URGENT_LINK = 2


@frozen
class Hello:
    """First message each way: what we run, where we listen, and what we hold.

    manifest_id: which model and settings we train; a peer with another one is refused.
    instance: our random mDNS instance id, so that one peer is not dialled twice.
    port: where we accept links, 0 when we do not.
    revocations: version of our newest revocation list.
    wish: see `Wish`; what counts is the dialler's.
    """

    manifest_id: bytes = field(validator=octets(16, 16))
    instance: str = field(validator=text(r"[0-9a-f]{16}\Z"))
    port: int = field(validator=integer(0, 65535))
    revocations: int = field(validator=integer(0, 2**32 - 1))
    wish: int = field(validator=integer(0, 2))


@frozen
class Refusal:
    """We will not mix with you, and why, in one line for your log."""

    reason: str = field(validator=text(r"[ -~]{1,200}\Z"))


@define
class Half:
    """One end's half of exchange number `sequence` of a link.  Nobody changes one.

    digest: first bytes of the running digest over all exchanges applied before this one.
    activity: coded control-variate gain, see `gossipfl.compression.scales`.
    samples: rows we train on; None while it is what it was in the last exchange applied.

    Checked where a frame is read, since nodes of a simulation build halves by the million.
    """

    sequence: int
    digest: bytes
    activity: int
    samples: int | None
    payload: bytes

    def check(self) -> None:
        """Raise ValueError unless all fields are in range."""
        samples = self.samples
        if type(self.sequence) is not int or not 1 <= self.sequence <= SEQUENCE_MAX:
            raise ValueError(f"sequence is an integer 1 to {SEQUENCE_MAX}")
        if type(self.digest) is not bytes or len(self.digest) != MESSAGE_DIGEST_BYTES:
            raise ValueError(f"digest is {MESSAGE_DIGEST_BYTES} bytes")
        if type(self.activity) is not int or not 0 <= self.activity <= 255:
            raise ValueError("activity is an integer 0 to 255")
        if samples is not None and (type(samples) is not int or not 1 <= samples <= SAMPLES_MAX):
            raise ValueError(f"samples is an integer 1 to {SAMPLES_MAX}")
        if type(self.payload) is not bytes or not 1 <= len(self.payload) <= PAYLOAD_MAX:
            raise ValueError(f"payload is 1 to {PAYLOAD_MAX} bytes")


@define
class Request(Half):
    """Opens an exchange with our compressed delta."""


@define
class Reply(Half):
    """Closes the exchange with our delta; we have applied both when you read this."""


@frozen
class Mismatch:
    """Our two ends of the link disagree; please seed it anew."""

    sequence: int = field(validator=integer(0, SEQUENCE_MAX))
    digest: bytes = field(validator=octets(LINK_DIGEST_BYTES, LINK_DIGEST_BYTES))


@frozen
class Seed:
    """The link starts over from the initial model plus this delta, at sequence 0."""

    payload: bytes = field(validator=octets(1, PAYLOAD_MAX))


@frozen
class Ping:
    """Are you there?  Answered by a `Pong`."""


@frozen
class Pong:
    """Yes."""


@frozen
class PingRequest:
    """Please find out whether `target`, a member's id, is there; answered by a `PingResult`."""

    number: int = field(validator=integer(1, NUMBER_MAX))
    target: bytes = field(validator=octets(MEMBER_BYTES, MEMBER_BYTES))


@frozen
class PingResult:
    """Whether the target of that request of yours answered us, in the time that it had."""

    number: int = field(validator=integer(1, NUMBER_MAX))
    alive: bool = field(validator=instance_of(bool))


@frozen
class Members:
    """What we tell each other about the cluster's members.

    known: (id, incarnation) of records that we hold; asks: please tell us some of yours.
    wanted: ids whose records we should like to have.
    records: (signed record, seconds since its owner signed it), see `gossipfl.membership.records`;
    obituaries: signed ones.
    """

    known: tuple[tuple[bytes, int], ...] = field(
        default=(),
        validator=tuple_of(
            pair_of(octets(MEMBER_BYTES, MEMBER_BYTES), integer(0, 2**32 - 1)), MEMBERS_MAX
        ),
    )
    asks: bool = field(default=False, validator=instance_of(bool))
    wanted: tuple[bytes, ...] = field(
        default=(), validator=tuple_of(octets(MEMBER_BYTES, MEMBER_BYTES), MEMBERS_MAX)
    )
    records: tuple[tuple[bytes, int], ...] = field(
        default=(),
        validator=tuple_of(pair_of(octets(1, RECORD_MAX), integer(0, AGE_MAX_S)), RECORDS_MAX),
    )
    obituaries: tuple[bytes, ...] = field(
        default=(), validator=tuple_of(octets(1, OBITUARY_MAX), RECORDS_MAX)
    )


@frozen
class KnownMoments:
    """Digests of the statistics that we hold, so that you send only what we lack."""

    digests: tuple[bytes, ...] = field(validator=tuple_of(octets(8, 8), MOMENTS_MAX))


@frozen
class MomentsUpdate:
    """Statistics that you lack, each encoded by `gossipfl.data.statistics`."""

    entries: tuple[bytes, ...] = field(validator=tuple_of(octets(1, 8 * 51_200 + 64), MOMENTS_MAX))


@frozen
class Revocations:
    """The newest signed revocation list that we hold."""

    signed: bytes = field(validator=octets(1, 128 * 1024))


@frozen
class Fragment:
    """Part `index` of `count` of a frame that is longer than one sealed frame may be."""

    index: int = field(validator=integer(0, 63))
    count: int = field(validator=integer(2, 64))
    body: bytes = field(validator=octets(1, 65_535))


Message = (
    Hello
    | Refusal
    | Request
    | Reply
    | Mismatch
    | Seed
    | Ping
    | Pong
    | Members
    | KnownMoments
    | MomentsUpdate
    | Revocations
    | Fragment
    | PingRequest
    | PingResult
    | KnownRelease
    | ReleaseUpdate
    | PartsWanted
    | ReleasePart
    | RelayOpen
    | RelayFrame
    | RelayClose
)

# A type's number is its place here: append only.
TYPES: Final[tuple[type[Message], ...]] = (
    Hello,
    Refusal,
    Request,
    Reply,
    Mismatch,
    Seed,
    Ping,
    Pong,
    Members,
    KnownMoments,
    MomentsUpdate,
    Revocations,
    Fragment,
    PingRequest,
    PingResult,
    KnownRelease,
    ReleaseUpdate,
    PartsWanted,
    ReleasePart,
    RelayOpen,
    RelayFrame,
    RelayClose,
)
_NAMES: Final = {kind: tuple(each.name for each in attrs.fields(kind)) for kind in TYPES}
# What puts a message's fields side by side, for types that have several.
_FIELDS: Final = {kind: attrgetter(*names) for kind, names in _NAMES.items() if len(names) > 1}
_pack: Final = msgpack.Packer().pack  # packb would make a Packer a call
# The first type whose number does not fit into half a byte.
_LONG: Final = 15


def head(place: int) -> bytes:
    """How a frame of the type at this place of TYPES begins."""
    version = PROTOCOL_VERSION << 4
    return bytes([version | place] if place < _LONG else [version | _LONG, place - _LONG])


_HEADS: Final = {kind: head(place) for place, kind in enumerate(TYPES)}


def encode(message: Message) -> bytes:
    """The frame for one message.

    Raises LocalProtocolError when the frame would be longer than any peer accepts.
    """
    kind = type(message)
    fields = _FIELDS.get(kind)
    values = fields(message) if fields else [getattr(message, name) for name in _NAMES[kind]]
    frame: bytes = _HEADS[kind] + _pack(values)
    if len(frame) > FRAME_MAX:
        raise LocalProtocolError(f"a {kind.__name__} of {len(frame)} bytes is too long")
    return frame


def decode(frame: bytes) -> Message:
    """The message in one frame.

    Raises RemoteProtocolError for every frame that `encode` could not have made.
    """
    if not 2 <= len(frame) <= FRAME_MAX:
        raise RemoteProtocolError(f"a frame of {len(frame)} bytes")
    version, number, body = frame[0] >> 4, frame[0] & 15, frame[1:]
    if number == _LONG:
        number, body = _LONG + frame[1], frame[2:]
    if version != PROTOCOL_VERSION:
        raise RemoteProtocolError(f"speaks protocol {version}; we speak {PROTOCOL_VERSION}")
    if number >= len(TYPES):
        raise RemoteProtocolError(f"a message of unknown type {number}")
    return _build(TYPES[number], body)


def _build(kind: type[Message], body: bytes) -> Message:
    try:
        values = msgpack.unpackb(body, use_list=False, strict_map_key=True)
        if not isinstance(values, tuple) or len(values) != len(_NAMES[kind]):
            raise ValueError("wrong number of fields")
        message = kind(*values)
        if isinstance(message, Half):
            message.check()
        return message
    except (ValueError, TypeError, msgpack.UnpackException, RecursionError) as error:
        raise RemoteProtocolError(f"an illegal {kind.__name__}: {str(error)[:120]}") from None
