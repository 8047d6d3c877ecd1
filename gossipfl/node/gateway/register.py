"""The gateway's directory: one inside for each device, as any node has, and the device's keys."""

import re
import secrets
from pathlib import Path
from typing import Final

from gossipfl.devices.keyring import Keyring, decode_keyring, keyring_of
from gossipfl.devices.keys import CODE_BYTES, print_code
from gossipfl.errors import ConfigError, Untrusted
from gossipfl.node.state.home import Home, read_bytes, write_private
from gossipfl.security.admission import JOIN_FILE_MAX, open_with
from gossipfl.security.identity import DeviceKey

GATEWAY: Final = Path("~/.gossipfl/gateway")
DEVICES_MAX: Final = 1024
KEYRING_BYTES_MAX: Final = 256
LEAVING: Final = "leaving"
_NAME: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,62}")


class Place:
    """One device's: a node's directory with the device's code or key."""

    def __init__(self, path: Path) -> None:
        """Raises StateError as Home does."""
        self.name = path.name
        self.home = Home(path)
        self._enrolment = path / "enrolment"
        self._rotation = path / "rotate"
        self._leaving = path / LEAVING

    def enrol(self) -> str:
        """A new one-time code, as people type it; the one before is worth nothing any more."""
        code = secrets.token_bytes(CODE_BYTES)
        write_private(self._enrolment, keyring_of(code).encode())
        return print_code(code)

    def enrolment(self) -> Keyring:
        """Of the newest code, or of the gateway that the device came from.  Raises StateError."""
        return decode_keyring(read_bytes(self._enrolment, KEYRING_BYTES_MAX))

    @property
    def is_ready(self) -> bool:
        """Whether the operator has admitted the device, and it is to stay here."""
        return is_ready(self.home.path)

    def ask_for_rotation(self) -> None:
        """Note, for a gateway that runs or will run, that the device is to get its next key."""
        write_private(self._rotation, b"")

    @property
    def wants_rotation(self) -> bool:
        """Whether that was noted."""
        return self._rotation.exists()

    def note_rotated(self) -> None:
        """It has got it."""
        self._rotation.unlink(missing_ok=True)

    def leave(self) -> None:
        """From now on no gateway serves the device from here."""
        write_private(self._leaving, b"")


def is_ready(path: Path) -> bool:
    """Whether there is a place whose device is to be served."""
    return (path / "admission.join").exists() and not (path / LEAVING).exists()


class Register:
    """Which devices there are."""

    def __init__(self, path: Path = GATEWAY) -> None:
        """Raises StateError when the directory cannot be made or used, or is open to others."""
        self.home = Home(path.expanduser())
        self._devices = self.home.path / "devices"
        Home(self._devices)

    def key(self) -> DeviceKey:
        """The gateway's own, which devices that move here are sealed for."""
        return self.home.device_key()

    def names(self) -> list[str]:
        """Of all devices."""
        # A name that begins with a dot is a place in the making.
        return sorted(path.name for path in self._devices.iterdir() if path.name[0] != ".")

    def ready(self) -> list[str]:
        """Of those that are to be served."""
        return [name for name in self.names() if is_ready(self._devices / name)]

    def path(self, name: str) -> Path:
        """Where a device's place is, or would be.  Raises ConfigError for what is no name."""
        if not _NAME.fullmatch(name):
            raise ConfigError(
                f"{name[:80]!r} is no device's name: 1 to 63 letters, digits, hyphens, underscores "
                "or dots, the first a letter or digit"
            )
        return self._devices / name

    def place(self, name: str) -> Place:
        """Raises ConfigError unless there is one."""
        path = self.path(name)
        if not path.exists():
            known = ", ".join(self.names()) or "none"
            raise ConfigError(f"no device named {name} is enrolled here (known: {known})")
        return Place(path)

    def enrol(self, name: str) -> tuple[Place, str]:
        """A device's place, made if there is none, and its one-time code."""
        path = self.path(name)
        if not path.exists() and len(self.names()) >= DEVICES_MAX:
            raise ConfigError(f"a gateway serves at most {DEVICES_MAX} devices: start another one")
        place = Place(path)
        place.home.device_key()
        return place, place.enrol()

    def admit(self, join_file: Path) -> str:
        """Keep the operator's join file for whichever device it is sealed for; its name here.

        Raises ConfigError or Untrusted when it is for none of them.
        """
        sealed = read_bytes(join_file, JOIN_FILE_MAX)
        for name in self.names():
            place = Place(self._devices / name)
            try:
                open_with(place.home.device_key(), sealed)
            except Untrusted:
                continue
            place.home.take_admission(join_file)
            return name
        raise Untrusted(
            f"{join_file} is for none of the devices here: admit the key that `gossipfl gateway "
            "enrol` printed"
        )
