"""An authority, members with keys and certificates, and releases for them."""

from collections.abc import Callable
from functools import partial

import numpy as np
from attrs import frozen

from gossipfl.membership.records import Id, id_of
from gossipfl.releases.publishing import Plan, compose
from gossipfl.releases.release import Release, hash_part, sign_release
from gossipfl.releases.reports import Finding, Report, open_report, sign_report
from gossipfl.security.authority import Authority
from gossipfl.security.certificates import Certificate, verify
from gossipfl.security.identity import DeviceKey
from gossipfl.security.revocations import RevocationList

MANIFEST_ID = bytes(range(16))
PARAMETERS = 5000
SALT = b"a salt.."
NOW_S = 1_800_000_000.0


@frozen
class Scribe:
    """A member that can sign reports."""

    key: DeviceKey
    certificate: bytes

    @property
    def id(self) -> Id:
        return id_of(self.key.public)

    def sign(self, finding: Finding) -> bytes:
        return sign_report(self.key.secret, self.certificate, finding)


class Cluster:
    """Members are the same in every run."""

    def __init__(self, members: int) -> None:
        self.authority = Authority.from_seed(bytes(32))
        self.scribes = [self._admit(number) for number in range(members)]

    def _admit(self, number: int) -> Scribe:
        key = DeviceKey.from_secret(hash_part(bytes([number])) * 2)
        certificate = self.authority.admit(
            f"node-{number}", key.public, ("peer",), number + 1, NOW_S, 10
        )
        return Scribe(key, certificate)

    def judge(self, certificate: bytes, public_key: bytes) -> Certificate:
        return verify(
            certificate,
            authority=self.authority.public,
            cluster_id=self.authority.cluster_id,
            public_key=public_key,
            now_s=NOW_S,
            revocations=RevocationList(),
        )

    @property
    def read_report(self) -> Callable[[bytes], Report]:
        return partial(open_report, judge=self.judge)

    def release(
        self,
        number: int = 1,
        shares: tuple[float, ...] = (0.2, 1.0),
        model: float = 1.0,
        judge_s: int = 10,
    ) -> tuple[Release, bytes, bytes]:
        """A release of a constant model, signed, and its content."""
        vector = np.full(PARAMETERS, model, np.float32)
        members = [each.id for each in self.scribes]
        plan = Plan(stages=shares, quorum=0.5, judge_s=judge_s, tolerance=50)
        release, content = compose(number, MANIFEST_ID, vector, members, SALT, plan)
        return release, sign_release(self.authority, release), content

    def withdrawal(self, number: int, withdraws: int) -> tuple[Release, bytes]:
        release = Release(number=number, manifest_id=MANIFEST_ID, salt=SALT, withdraws=withdraws)
        return release, sign_release(self.authority, release)
