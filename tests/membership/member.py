"""A cluster's authority and members for tests, without any network."""

import numpy as np

from gossipfl.membership.book import AddressBook
from gossipfl.membership.herald import Herald
from gossipfl.membership.overlay import Overlay
from gossipfl.membership.records import Record, id_of, open_record
from gossipfl.membership.settings import Settings
from gossipfl.security.authority import Authority
from gossipfl.security.certificates import Certificate, verify
from gossipfl.security.identity import DeviceKey
from gossipfl.security.revocations import RevocationList

LAN = Settings()


class Town:
    """Admits members; all of them judge alike."""

    def __init__(self, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        self.authority = Authority.from_seed(self.rng.bytes(32))
        self.revoked = RevocationList()

    def judge(self, signed: bytes, public_key: bytes) -> Certificate:
        return verify(
            signed,
            authority=self.authority.public,
            cluster_id=self.authority.cluster_id,
            public_key=public_key,
            now_s=0.0,
            revocations=self.revoked,
        )

    def read(self, blob: bytes) -> Record:
        return open_record(blob, self.judge)

    def admit(self, name: str, settings: Settings = LAN, now_s: float = 0.0) -> "Resident":
        return Resident(self, name, DeviceKey.from_secret(self.rng.bytes(32)), settings, now_s)


class Resident:
    """One member, whose overlay a test drives by hand."""

    def __init__(
        self, town: Town, name: str, key: DeviceKey, settings: Settings, now_s: float
    ) -> None:
        serial = 1 + int(town.rng.integers(2**31))
        self.name, self.key, self.id = name, key, id_of(key.public)
        self.certificate = town.authority.admit(name, key.public, ("peer",), serial, 0.0, 9)
        self.herald = Herald(key, self.certificate, town.rng.bytes(8))
        self.book = AddressBook(town.rng, 99, lambda *_: False, lambda name: True, lambda: None)
        self.overlay = Overlay(self.herald, settings, town.read, self.book, town.rng, now_s)
        self.overlay.announce((f"{name}:1",), now_s)
