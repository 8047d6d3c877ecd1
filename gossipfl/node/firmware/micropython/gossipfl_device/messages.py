"""What device and gateway say to each other; docs/device-protocol.md lists every byte.

What comes is read here and nowhere else, and is in range behind it; all else raises ValueError.
"""

import struct

from gossipfl_device.model import Model
from gossipfl_device.room import Room

KEY = 0x01
HELLO = 0x02
OFFER = 0x03
FETCH = 0x04
SLEEP = 0x05
GRANT = 0x81
ORDERS = 0x82
REPLY = 0x83
CHUNK = 0x84
GOOD_NIGHT = 0x85
REFUSAL = 0x86

# Reasons of a refusal.  The last is never sent: the device found it so itself.
GREET_ME = 5
CANNOT_OBEY = 255

BATTERY_UNKNOWN = 255
DIGEST_BYTES = 8
HOLDS_NOTHING = b"\xff" * DIGEST_BYTES
CHUNK_HEAD_BYTES = 5
HALF_BYTES = 12
_HALF = "<I2sBI"
_ORDERS = "<BHHIffHB8sI"
_ORDERS_BYTES = 33
_INTERVAL_S_MAX = 604_800
_SAMPLES_MAX = 0x7FFFFFFF


def write_hello(
    room: Room,
    inputs: int,
    classes: int,
    samples: int,
    battery: int,
    sequence: int,
    digest: bytes,
) -> bytes:
    """What the device has room for, learns from, and holds of the link."""
    return struct.pack(
        "<BIHBBHHHHHIBI8s",
        HELLO,
        room.parameters,
        room.units,
        room.layers,
        0,  # no velocity: the gateway then lengthens the steps
        room.batch,
        room.entries,
        room.message,
        inputs,
        classes,
        samples,
        battery,
        sequence,
        digest,
    )


class Half:
    """One end's half of an exchange."""

    def __init__(
        self,
        sequence: int,
        digest: bytes,
        battery: int,
        samples: int,
        payload: bytes,
    ) -> None:
        self.sequence = sequence
        self.digest = digest
        self.battery = battery
        self.samples = samples
        self.payload = payload

    def encode(self) -> bytes:
        """As an OFFER."""
        own = (self.sequence, self.digest, self.battery, self.samples)
        return bytes([OFFER]) + struct.pack(_HALF, *own) + self.payload


def read_half(message: bytes) -> Half:
    """An OFFER or a REPLY."""
    if len(message) <= HALF_BYTES:
        raise ValueError("half of an exchange without a payload")
    sequence, digest, battery, samples = struct.unpack_from(_HALF, message, 1)
    if not sequence or not 0 < samples <= _SAMPLES_MAX:
        raise ValueError("half of an exchange without a number, or of no samples")
    return Half(sequence, digest, battery, samples, message[HALF_BYTES:])


class Orders:
    """What the device is to learn, and how.

    seed: digest of the anchor to fetch first, of seed_bytes; none if these are 0.
    """

    def __init__(self, message: bytes, room: Room) -> None:
        if len(message) < _ORDERS_BYTES + 5:
            raise ValueError("orders end too early")
        (
            self.rotate,
            self.batch,
            self.steps,
            self.interval_s,
            self.learning_rate,
            momentum,
            self.keep,
            self.mark_bits,
            self.seed,
            self.seed_bytes,
        ) = struct.unpack_from(_ORDERS, message, 1)
        layers = message[_ORDERS_BYTES]
        if layers > room.layers or len(message) != _ORDERS_BYTES + 1 + 2 * (layers + 1):
            raise ValueError("orders for another number of layers")
        self.model = Model(struct.unpack_from(f"<{layers + 1}H", message, _ORDERS_BYTES + 1))
        self._check(room, momentum)

    def _check(self, room: Room, momentum: float) -> None:
        model = self.model
        good = (
            self.rotate <= 1
            and 1 <= self.batch <= room.batch
            and self.steps >= 1
            and self.interval_s <= _INTERVAL_S_MAX
            and 1 / (1 << 30) <= self.learning_rate <= 10
            and momentum == 0
            and 1 <= self.keep <= room.entries
            and 1 <= self.mark_bits <= 2
            and self.seed_bytes in (0, 4 * model.parameters)
            and model.parameters <= room.parameters
            and model.units <= room.units
        )
        if not good:
            raise ValueError("orders that this board has no room for, or that make no sense")
