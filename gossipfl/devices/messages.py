"""What device and gateway say to each other; docs/device-protocol.md lists every byte.

`decode` is the only way in: whatever it returns is in range, so nothing behind it checks again.
"""

import math
import struct
from typing import Any, ClassVar, Final

from attrs import field, fields, frozen

from gossipfl.devices.frames import MESSAGE_MAX, MESSAGE_ROOM_MIN
from gossipfl.devices.keys import CHANCE_BYTES
from gossipfl.errors import RemoteProtocolError
from gossipfl.wire.fields import integer, octets
from gossipfl.wire.messages import (
    LINK_DIGEST_BYTES,
    MESSAGE_DIGEST_BYTES,
    SAMPLES_MAX,
    SEQUENCE_MAX,
)

BATTERY_UNKNOWN: Final = 255
LAYERS_MAX: Final = 16
INTERVAL_S_MAX: Final = 604_800
RATE_MIN: Final = 2.0**-30
MOMENTUM_MAX: Final = 1 - 2.0**-10
HOLDS_NOTHING: Final = b"\xff" * LINK_DIGEST_BYTES
WORD_MAX: Final = 2**32 - 1
CHUNK_HEAD_BYTES: Final = 5

# Reasons of a Refusal.
MODEL_TOO_LARGE: Final = 1
OTHER_INPUTS: Final = 2
OTHER_CLASSES: Final = 3
NOT_NOW: Final = 4
GREET_ME: Final = 5
NO_UPLOADS: Final = 6

Validator = Any


def _real(low: float, high: float) -> Validator:
    def validate(_: object, attribute: Any, value: float) -> None:
        if not (math.isfinite(value) and low <= value <= high):
            raise ValueError(f"{attribute.name} is {low} to {high}")

    return validate


def _floats(_: object, attribute: Any, value: bytes) -> None:
    if not value or len(value) % 4:
        raise ValueError("a chunk holds whole numbers of four bytes")


def _widths(_: object, attribute: Any, value: tuple[int, ...]) -> None:
    if not 2 <= len(value) <= LAYERS_MAX + 1 or not all(1 <= width <= 65_535 for width in value):
        raise ValueError("a model has 1 to 16 layers of 1 to 65535 units")


@frozen
class Message:
    """LAYOUT: of the fields in order, little-endian; a last field that it leaves out takes the
    rest.
    """

    TYPE: ClassVar[int]
    LAYOUT: ClassVar[struct.Struct]


@frozen
class Key(Message):
    """Asks for the next key.  chance: what the device drew for it."""

    TYPE = 0x01
    LAYOUT = struct.Struct(f"<{CHANCE_BYTES}s")
    chance: bytes = field(validator=octets(CHANCE_BYTES, CHANCE_BYTES))


@frozen
class Hello(Message):
    """What the device has room for, what it learns from, and what it holds of the link.

    parameters_max: 0 for a device that does not train, and would send its samples.
    battery: percent, or BATTERY_UNKNOWN.  digest: HOLDS_NOTHING where there is no anchor.
    """

    TYPE = 0x02
    LAYOUT = struct.Struct("<IHBBHHHHHIBI8s")
    parameters_max: int = field(validator=integer(0, WORD_MAX))
    units_max: int = field(validator=integer(1, 65_535))
    layers_max: int = field(validator=integer(1, 255))
    momentum: int = field(validator=integer(0, 1))
    batch_max: int = field(validator=integer(1, 65_535))
    entries_max: int = field(validator=integer(1, 65_535))
    message_max: int = field(validator=integer(MESSAGE_ROOM_MIN, MESSAGE_MAX))
    inputs: int = field(validator=integer(1, 65_535))
    classes: int = field(validator=integer(2, 65_535))
    samples: int = field(validator=integer(1, SAMPLES_MAX))
    battery: int = field(validator=integer(0, 255))
    sequence: int = field(validator=integer(0, SEQUENCE_MAX))
    digest: bytes = field(validator=octets(LINK_DIGEST_BYTES, LINK_DIGEST_BYTES))


@frozen
class _Half(Message):
    LAYOUT = struct.Struct("<I2sBI")
    sequence: int = field(validator=integer(1, SEQUENCE_MAX))
    digest: bytes = field(validator=octets(MESSAGE_DIGEST_BYTES, MESSAGE_DIGEST_BYTES))
    battery: int = field(validator=integer(0, 255))
    samples: int = field(validator=integer(1, SAMPLES_MAX))
    payload: bytes = field(validator=octets(1, MESSAGE_MAX))


HALF_BYTES: Final = 1 + _Half.LAYOUT.size


@frozen
class Offer(_Half):
    """Opens the next exchange: gossipfl.wire.messages.Request, with the device's battery."""

    TYPE = 0x03


@frozen
class Fetch(Message):
    """Asks for the bytes of a seed from `offset` on."""

    TYPE = 0x04
    LAYOUT = struct.Struct("<8sI")
    seed: bytes = field(validator=octets(LINK_DIGEST_BYTES, LINK_DIGEST_BYTES))
    offset: int = field(validator=integer(0, WORD_MAX))


@frozen
class Sleep(Message):
    """The device will be out of reach."""

    TYPE = 0x05
    LAYOUT = struct.Struct("<I")
    seconds: int = field(validator=integer(0, WORD_MAX))


@frozen
class Samples(Message):
    """Samples from the `first` on, of a device that cannot train.

    content: of each the class u16 and the features f32; how many there are, Hello has said.
    """

    TYPE = 0x06
    LAYOUT = struct.Struct("<I")
    first: int = field(validator=integer(0, SAMPLES_MAX))
    content: bytes = field(validator=octets(1, MESSAGE_MAX))


@frozen
class Grant(Message):
    """Makes the next key good.  chance: what the gateway drew for it."""

    TYPE = 0x81
    LAYOUT = struct.Struct(f"<{CHANCE_BYTES}s")
    chance: bytes = field(validator=octets(CHANCE_BYTES, CHANCE_BYTES))


@frozen
class Orders(Message):
    """What the device is to learn, and how.

    rotate: 1 asks it to ask for its next key.  interval_s: between the starts of two rounds.
    keep: entries of a delta.  seed: digest of the anchor to fetch first, of `seed_bytes`; none if
    these are 0.  widths: of the inputs and of every layer.
    """

    TYPE = 0x82
    LAYOUT = struct.Struct("<BHHIffHB8sI")
    rotate: int = field(validator=integer(0, 1))
    batch: int = field(validator=integer(1, 65_535))
    steps: int = field(validator=integer(1, 65_535))
    interval_s: int = field(validator=integer(0, INTERVAL_S_MAX))
    learning_rate: float = field(validator=_real(RATE_MIN, 10))
    momentum: float = field(validator=_real(0, MOMENTUM_MAX))
    keep: int = field(validator=integer(1, 65_535))
    mark_bits: int = field(validator=integer(1, 2))
    seed: bytes = field(validator=octets(LINK_DIGEST_BYTES, LINK_DIGEST_BYTES))
    seed_bytes: int = field(validator=integer(0, WORD_MAX))
    widths: tuple[int, ...] = field(validator=_widths)


@frozen
class Reply(_Half):
    """Closes an exchange: gossipfl.wire.messages.Reply.  battery: BATTERY_UNKNOWN."""

    TYPE = 0x83


@frozen
class Chunk(Message):
    """Bytes of the seed: whole float32 numbers."""

    TYPE = 0x84
    LAYOUT = struct.Struct("<I")
    offset: int = field(validator=integer(0, WORD_MAX))
    content: bytes = field(validator=_floats)


@frozen
class GoodNight(Message):
    """The device may sleep."""

    TYPE = 0x85
    LAYOUT = struct.Struct("<")


@frozen
class Refusal(Message):
    """Nothing can be done with the device as it is; it will greet again in a while."""

    TYPE = 0x86
    LAYOUT = struct.Struct("<B")
    reason: int = field(validator=integer(1, 254))


@frozen
class Taken(Message):
    """All samples before `wanted` have come; after the last one, greet again in `pause_s`.

    rotate: 1 asks it to ask for its next key first.
    """

    TYPE = 0x87
    LAYOUT = struct.Struct("<BII")
    rotate: int = field(validator=integer(0, 1))
    wanted: int = field(validator=integer(0, SAMPLES_MAX))
    pause_s: int = field(validator=integer(0, INTERVAL_S_MAX))


FromDevice = Key | Hello | Offer | Fetch | Sleep | Samples
ToDevice = Grant | Orders | Reply | Chunk | GoodNight | Refusal | Taken

_KINDS: Final[dict[int, type[Any]]] = {
    kind.TYPE: kind
    for kind in (
        Key, Hello, Offer, Fetch, Sleep, Samples, Grant, Orders, Reply, Chunk, GoodNight, Refusal,
        Taken,
    )
}  # fmt: skip


def encode(message: FromDevice | ToDevice) -> bytes:
    """The bytes of a message, before they are sealed."""
    values = [getattr(message, each.name) for each in fields(type(message))]
    rest = b""
    if isinstance(message, Orders):
        widths = values.pop()
        rest = struct.pack(f"<B{len(widths)}H", len(widths) - 1, *widths)
    elif isinstance(message, _Half | Chunk | Samples):
        rest = values.pop()
    return bytes([message.TYPE]) + message.LAYOUT.pack(*values) + rest


def decode(content: bytes) -> FromDevice | ToDevice:
    """The reverse.  Raises RemoteProtocolError for all that `encode` could not have made."""
    kind = _KINDS.get(content[0]) if 0 < len(content) <= MESSAGE_MAX else None
    if kind is None:
        raise RemoteProtocolError("a device's message of unknown type, or without an end")
    try:
        values = list(kind.LAYOUT.unpack_from(content, 1))
        rest = content[1 + kind.LAYOUT.size :]
        if kind is Orders:
            values.append(_unpack_widths(rest))
        elif kind in (Offer, Reply, Chunk, Samples):
            values.append(rest)
        elif rest:
            raise ValueError("longer than it should be")
        message: FromDevice | ToDevice = kind(*values)
    except (ValueError, struct.error) as error:
        raise RemoteProtocolError(f"an illegal {kind.__name__}: {error}") from None
    return message


def _unpack_widths(rest: bytes) -> tuple[int, ...]:
    if not rest or len(rest) != 1 + 2 * (rest[0] + 1):
        raise ValueError("widths end too early or too late")
    return struct.unpack_from(f"<{rest[0] + 1}H", rest, 1)
