"""This device's place in its cluster: what it shows to peers and how it judges them."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from gossipfl.membership.herald import Herald
from gossipfl.membership.records import Record, verified_record
from gossipfl.releases.release import Release, open_release
from gossipfl.releases.reports import Finding, Report, open_report, sign_report
from gossipfl.security.admission import Admission
from gossipfl.security.authority import cluster_id_of
from gossipfl.security.certificates import Certificate, check_current, check_valid, verify
from gossipfl.security.identity import DeviceKey
from gossipfl.security.revocations import RevocationList, newest, open_revocations
from gossipfl.transports.secure import Credentials
from gossipfl.wire.messages import PROTOCOL_VERSION

TAG_BYTES: Final = 4

Keep = Callable[[bytes], Awaitable[Any]]


class Membership:
    """Certificates in, trust out; holds the newest revocation list that reached us."""

    def __init__(
        self,
        key: DeviceKey,
        admission: Admission,
        *,
        wall_clock: Callable[[], float],
        stored_revocations: bytes | None,
        keep_revocations: Keep,
    ) -> None:
        """Raises Untrusted when our own certificate would not be accepted by others."""
        self._key = key
        self._admission = admission
        self._wall_clock = wall_clock
        self._keep_revocations = keep_revocations
        self.cluster_id = cluster_id_of(admission.authority)
        self.signed_revocations = admission.revocations
        self.revocations = open_revocations(admission.revocations, authority=admission.authority)
        if stored_revocations is not None:
            self._take(stored_revocations)
        self.certificate = self.judge(admission.certificate, key.public)

    @property
    def cluster_tag(self) -> str:
        """What mDNS shows of the cluster: enough to find members, too little to name it."""
        return self.cluster_id[:TAG_BYTES].hex()

    def credentials(self) -> Credentials[Certificate]:
        """For the handshakes of every link."""
        return Credentials(
            static=self._key.secret,
            certificate=self._admission.certificate,
            cluster_key=self._admission.cluster_key,
            prologue=b"gossipfl" + bytes([PROTOCOL_VERSION]) + self.cluster_id,
            verify=self.judge,
        )

    def judge(self, certificate: bytes, public_key: bytes) -> Certificate:
        """Who this peer is.  Raises Untrusted: forged, expired, revoked, of another cluster."""
        return verify(
            certificate,
            authority=self._admission.authority,
            cluster_id=self.cluster_id,
            public_key=public_key,
            now_s=self._wall_clock(),
            revocations=self.revocations,
        )

    def check_current(self, certificate: Certificate) -> None:
        """Judge a member anew whom `judge` knew.  Raises Untrusted: revoked or expired since."""
        check_current(certificate, now_s=self._wall_clock(), revocations=self.revocations)

    def herald(self, instance: bytes) -> Herald:
        """Who speaks for this device, in this life; instance: 8 random bytes."""
        return Herald(self._key, self._admission.certificate, instance)

    def read_record(self, blob: bytes) -> Record:
        """What a member says of itself.  Raises Untrusted, as `judge` does."""
        record = verified_record(blob, self._admission.authority, self.cluster_id)
        check_valid(record.certificate, now_s=self._wall_clock(), revocations=self.revocations)
        return record

    def read_release(self, blob: bytes) -> Release:
        """What the operator wants.  Raises Untrusted unless our authority signed it."""
        return open_release(blob, self._admission.authority)

    def read_report(self, blob: bytes) -> Report:
        """What a member says of a release.  Raises Untrusted, as `judge` does."""
        return open_report(blob, self.judge)

    def sign_report(self, finding: Finding) -> bytes:
        """What this device says of a release."""
        return sign_report(self._key.secret, self._admission.certificate, finding)

    async def adopt(self, signed: bytes) -> bool:
        """Take a revocation list if it is newer, and keep it across restarts."""
        if not self._take(signed):
            return False
        await self._keep_revocations(signed)
        return True

    def _take(self, signed: bytes) -> bool:
        fresh: RevocationList = open_revocations(signed, authority=self._admission.authority)
        if newest(fresh, self.revocations) == self.revocations:
            return False
        self.revocations, self.signed_revocations = fresh, signed
        return True
