"""Who counts as a member: certificates in, trust out, revocations kept."""

import time

import pytest

from gossipfl.data.schema import Schema
from gossipfl.errors import Untrusted
from gossipfl.manifest import Manifest
from gossipfl.node.membership import Membership
from gossipfl.node.operator import Operator
from gossipfl.security.admission import open_with
from gossipfl.security.identity import DeviceKey

MANIFEST = Manifest(cluster="home", schema=Schema(columns=4, target="y", classes="01"))


@pytest.fixture
def operator(tmp_path) -> Operator:
    return Operator.create(tmp_path / "cluster", MANIFEST)


class Member:
    def __init__(self, operator: Operator, name: str, stored: bytes | None = None) -> None:
        self.key = DeviceKey.generate()
        self.admission = open_with(self.key, operator.admit(name, self.key.public, ("peer",)))
        self.now_s = time.time()
        self.kept: list[bytes] = []
        self.membership = self.start(stored)

    def start(self, stored: bytes | None) -> Membership:
        return Membership(
            self.key,
            self.admission,
            wall_clock=lambda: self.now_s,
            stored_revocations=stored,
            keep_revocations=self.keep,
        )

    async def keep(self, signed: bytes) -> None:
        self.kept.append(signed)


def test_members_accept_each_other(operator):
    a, b = Member(operator, "a"), Member(operator, "b")
    assert a.membership.judge(b.admission.certificate, b.key.public).name == "b"
    assert a.membership.cluster_tag == b.membership.cluster_tag
    assert len(a.membership.cluster_tag) == 8
    prologues = {each.membership.credentials().prologue for each in (a, b)}
    assert len(prologues) == 1


def test_members_of_another_cluster_are_refused(operator, tmp_path):
    stranger = Member(Operator.create(tmp_path / "other", MANIFEST), "a")
    ours = Member(operator, "a")
    with pytest.raises(Untrusted):
        ours.membership.judge(stranger.admission.certificate, stranger.key.public)
    with pytest.raises(Untrusted, match="another device's key"):
        ours.membership.judge(ours.admission.certificate, stranger.key.public)
    assert ours.membership.cluster_tag != stranger.membership.cluster_tag


def test_expiry_is_judged_at_the_time_of_each_handshake(operator):
    a, b = Member(operator, "a"), Member(operator, "b")
    a.now_s += 3651 * 86_400
    with pytest.raises(Untrusted, match="expired"):
        a.membership.judge(b.admission.certificate, b.key.public)


async def test_a_newer_list_is_adopted_kept_and_obeyed(operator):
    a, b = Member(operator, "a"), Member(operator, "b")
    signed = operator.revoke("b")
    assert await a.membership.adopt(signed)
    assert a.kept == [signed]
    assert a.membership.signed_revocations == signed
    with pytest.raises(Untrusted, match="revoked"):
        a.membership.judge(b.admission.certificate, b.key.public)
    assert not await a.membership.adopt(signed)
    assert not await a.membership.adopt(b.admission.revocations)
    assert a.kept == [signed]
    with pytest.raises(Untrusted, match="revoked"):
        a.start(signed).judge(b.admission.certificate, b.key.public)


async def test_a_forged_list_changes_nothing(operator, tmp_path):
    a = Member(operator, "a")
    other = Operator.create(tmp_path / "other", MANIFEST)
    Member(other, "a")
    before = a.membership.revocations
    for forged in (other.revoke("a"), b"", b"x" * 100):
        with pytest.raises(Untrusted):
            await a.membership.adopt(forged)
    assert (a.membership.revocations, a.kept) == (before, [])


def test_an_older_stored_list_does_not_win(operator):
    older = Member(operator, "a").admission.revocations
    operator.revoke("a")
    fresh = Member(operator, "b", stored=older)
    assert fresh.membership.revocations.serials == {1}


def test_a_revoked_device_does_not_start(operator):
    a = Member(operator, "a")
    with pytest.raises(Untrusted, match="revoked"):
        a.start(operator.revoke("a"))
