"""Keys of one device: the first from its code, every further one from the one before."""

from gossipfl_device.blake2b import blake2b

CHANCE_BYTES = 16
ID_BYTES = 4
KEY_BYTES = 32
IDENTITY_BYTES = ID_BYTES + 1 + KEY_BYTES
EPOCH_MAX = 255
_CODE_LETTERS = 26
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"


class Identity:
    """Who a device is on the wire.

    id: the same under all its keys.  epoch: counts them; 0 is the code's own, good for one thing,
    to ask for the next.
    """

    def __init__(self, id: bytes, epoch: int, key: bytes) -> None:
        self.id = id
        self.epoch = epoch
        self.key = key

    def next(self, device: bytes, gateway: bytes) -> "Identity":
        """The identity under the next key, from what both ends drew."""
        head = self.id + bytes([self.epoch + 1])
        parts = (b"gossipfl nextkey", head, device, gateway)
        return Identity(self.id, self.epoch + 1, blake2b(KEY_BYTES, parts, self.key))

    def encode(self) -> bytes:
        """For the device's own flash."""
        return self.id + bytes([self.epoch]) + self.key


def decode_identity(content: bytes) -> Identity:
    """The reverse.  Raises ValueError."""
    if len(content) != IDENTITY_BYTES:
        raise ValueError("no identity")
    return Identity(content[:ID_BYTES], content[ID_BYTES], content[ID_BYTES + 1 :])


def first_identity(code: str) -> Identity:
    """The identity that a code stands for, as people type it: dashes, spaces and capitals do not
    matter.  Raises ValueError for what is no code.
    """
    secret = _read_code(code)
    id_ = blake2b(ID_BYTES, (b"gossipfl code id",), secret)
    return Identity(id_, 0, blake2b(KEY_BYTES, (b"gossipfl codekey",), secret))


def _read_code(code: str) -> bytes:
    letters = code.replace("-", "").replace(" ", "").lower()
    number = 0
    for letter in letters:
        number = number << 5 | max(0, _LETTERS.find(letter))
    # The last letter holds two bits too many; with those set, it would be no code of a gateway.
    if len(letters) != _CODE_LETTERS or number & 3 or any(c not in _LETTERS for c in letters):
        raise ValueError("an enrolment code is 26 letters and digits from 2 to 7; copy it whole")
    return (number >> 2).to_bytes(16, "big")
