"""Keys of one device: the first from its one-time code, every further one from the one before."""

import base64
import hashlib
from typing import Final

from attrs import field, frozen

from gossipfl.errors import ConfigError, LocalProtocolError

CODE_BYTES: Final = 16
CODE_LETTERS: Final = 26
CHANCE_BYTES: Final = 16
ID_BYTES: Final = 4
KEY_BYTES: Final = 32
EPOCH_MAX: Final = 255


@frozen
class Identity:
    """Who a device is on the wire.

    id: the same under all its keys.  epoch: counts them; 0 is the code's own, good for one thing,
    to ask for the next.
    """

    id: bytes
    epoch: int
    key: bytes = field(repr=False)

    def next(self, device: bytes, gateway: bytes) -> "Identity":
        """The identity under the next key, from what both ends drew.

        Raises LocalProtocolError behind the last epoch: the device must be enrolled anew.
        """
        if self.epoch == EPOCH_MAX:
            raise LocalProtocolError("a device's last key cannot be replaced: enrol it anew")
        head = self.id + bytes([self.epoch + 1])
        key = _derive(self.key, b"gossipfl nextkey", head + device + gateway, KEY_BYTES)
        return Identity(self.id, self.epoch + 1, key)


def identity_of(code: bytes) -> Identity:
    """The identity of epoch 0 that a code of CODE_BYTES stands for."""
    return Identity(
        _derive(code, b"gossipfl code id", b"", ID_BYTES),
        0,
        _derive(code, b"gossipfl codekey", b"", KEY_BYTES),
    )


def print_code(code: bytes) -> str:
    """As people type it: 26 letters and digits in groups."""
    letters = base64.b32encode(code).decode().rstrip("=").lower()
    return "-".join(letters[i : i + 5] for i in range(0, CODE_LETTERS, 5))


def read_code(text: str) -> bytes:
    """The reverse; dashes, spaces and capitals do not matter.  Raises ConfigError."""
    letters = text.replace("-", "").replace(" ", "").lower()
    try:
        code = base64.b32decode(letters.upper() + "======")
    except ValueError:
        code = b""
    # The last letter holds two bits too many; with those set, it would be no code of ours.
    if len(code) != CODE_BYTES or print_code(code).replace("-", "") != letters:
        raise ConfigError("an enrolment code is 26 letters and digits from 2 to 7; copy it whole")
    return code


def _derive(secret: bytes, name: bytes, more: bytes, length: int) -> bytes:
    return hashlib.blake2b(name + more, key=secret, digest_size=length).digest()
