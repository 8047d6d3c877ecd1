"""What security records are made of: checked fields, and one msgpack array for each record."""

from collections.abc import Callable
from typing import TypeVar

import attrs
import msgpack

from gossipfl.errors import ConfigError, Untrusted

Record = TypeVar("Record")
BytesValidator = Callable[[object, "attrs.Attribute[bytes]", bytes], None]
IntValidator = Callable[[object, "attrs.Attribute[int]", int], None]


def sized(low: int, high: int) -> BytesValidator:
    """An attrs validator for low to high bytes.  It raises ConfigError."""

    def check(instance: object, attribute: "attrs.Attribute[bytes]", value: bytes) -> None:
        check_size(attribute.name, value, low, high)

    return check


def whole(low: int, high: int) -> IntValidator:
    """An attrs validator for an integer from low to high.  It raises ConfigError."""

    def check(instance: object, attribute: "attrs.Attribute[int]", value: int) -> None:
        check_whole(attribute.name, value, low, high)

    return check


def check_size(name: str, value: bytes, low: int, high: int) -> None:
    """Raises ConfigError unless `value` is low to high bytes."""
    if not isinstance(value, bytes) or not low <= len(value) <= high:
        wanted = str(low) if low == high else f"{low} to {high}"
        raise ConfigError(f"{name} must be {wanted} bytes")


def check_whole(name: str, value: int, low: int, high: int) -> None:
    """Raises ConfigError unless `value` is an integer from low to high."""
    if type(value) is not int or not low <= value <= high:  # a bool is no number here
        raise ConfigError(f"{name} must be a whole number from {low} to {high}")


def pack(*fields: object) -> bytes:
    """The one encoding of a record's fields: a msgpack array."""
    return bytes(msgpack.packb(fields))


def unpack(what: str, body: bytes, make: Callable[..., Record], names: tuple[str, ...]) -> Record:
    """What `make` builds of a packed array, whose fields it gets under these names.

    Only the encoding that `pack` gives is taken, so that no record has two signed forms.
    Raises Untrusted for anything else, and where `make` raises ConfigError.
    """
    fields = _unpack_canonical(body)
    if len(fields) != len(names):
        raise Untrusted(f"{what} is not in the expected format")
    try:
        return make(**dict(zip(names, fields, strict=True)))
    except ConfigError as error:
        raise Untrusted(f"{what} is not valid: {error}") from None


def _unpack_canonical(body: bytes) -> tuple[object, ...]:
    """The fields of an array in its one encoding; none where it is anything else."""
    try:
        fields = msgpack.unpackb(body, use_list=False)
        if isinstance(fields, tuple) and pack(*fields) == body:
            return fields
    except ValueError:  # every msgpack error about bytes is one
        pass
    return ()
