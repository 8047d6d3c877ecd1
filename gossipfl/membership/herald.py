"""Speaks for this member: its newest record, and a word against rumours of its death."""

from typing import Final

from attrs import define, field

from gossipfl.membership.ration import Ration
from gossipfl.membership.records import (
    ADDRESSES_MAX,
    INCARNATION_MAX,
    LIFETIME_S,
    Id,
    Obituary,
    Presence,
    Record,
    id_of,
    sign_obituary,
    sign_record,
)
from gossipfl.security.identity import DeviceKey

# Words against rumours in so many seconds; a device that has a copy would keep us at it for ever.
ANSWERS_MAX: Final = 6
ANSWERS_S: Final = 60.0


@define
class Herald:
    """Signs with the device's key.

    certificate: ours, signed; instance: 8 random bytes, new with every start.
    """

    _key: DeviceKey
    _certificate: bytes
    instance: bytes
    addresses: tuple[str, ...] = ()
    incarnation: int = 0
    signed_s: float = field(default=0.0, init=False)
    record: bytes = field(default=b"", init=False, repr=False)
    _answers: Ration = field(factory=lambda: Ration(ANSWERS_MAX, ANSWERS_S, 0.0), init=False)

    @property
    def id(self) -> Id:
        """Our name in messages."""
        return id_of(self._key.public)

    def announce(self, addresses: tuple[str, ...], now_s: float) -> None:
        """Say where we can be dialled from now on, at most ADDRESSES_MAX addresses."""
        self.addresses = addresses[:ADDRESSES_MAX]
        self._renew(self.incarnation + 1, now_s)

    def renew(self, now_s: float) -> bool:
        """Say the same anew, if what we said is old."""
        if now_s - self.signed_s < LIFETIME_S / 2:
            return False
        self._renew(self.incarnation + 1, now_s)
        return True

    def outdo(self, incarnation: int, now_s: float) -> bool:
        """Say something newer than that; False when it would be once too often for now."""
        if incarnation >= INCARNATION_MAX or not self._answers.take(1, now_s):
            return False
        self._renew(incarnation + 1, now_s)
        return True

    def is_former(self, record: Record) -> bool:
        """It is ours, of an earlier life or of a copy of our key, and would hide what we say."""
        said = record.presence
        return said.instance != self.instance and said.incarnation >= self.incarnation

    def accuse(self, accused: Id, incarnation: int) -> bytes:
        """A signed obituary."""
        return sign_obituary(self._key.secret, Obituary(accused, incarnation, self.id))

    def _renew(self, incarnation: int, now_s: float) -> None:
        self.incarnation, self.signed_s = incarnation, now_s
        presence = Presence(incarnation, self.instance, LIFETIME_S, self.addresses)
        self.record = sign_record(self._key.secret, self._certificate, presence)
