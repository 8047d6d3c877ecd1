"""The operator creates, admits, renews, revokes; join files open on their device only."""

import stat
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gossipfl.data.schema import Schema
from gossipfl.errors import ConfigError, StateError, Untrusted
from gossipfl.manifest import Manifest, open_manifest
from gossipfl.node.operator import Operator, find_cluster
from gossipfl.node.state.home import Home
from gossipfl.security.admission import Admission, open_with
from gossipfl.security.authority import cluster_id_of
from gossipfl.security.certificates import Certificate, verify
from gossipfl.security.identity import DeviceKey
from gossipfl.security.revocations import open_revocations

MANIFEST = Manifest(cluster="home", schema=Schema(columns=4, target="y", classes="01"))
PEER = ("peer",)


@pytest.fixture
def operator(tmp_path) -> Operator:
    return Operator.create(tmp_path / "cluster", MANIFEST)


@pytest.fixture
def device() -> DeviceKey:
    return DeviceKey.generate()


def judge(admission: Admission, device: DeviceKey, revoked: bytes, now_s: float) -> Certificate:
    return verify(
        admission.certificate,
        authority=admission.authority,
        cluster_id=cluster_id_of(admission.authority),
        public_key=device.public,
        now_s=now_s,
        revocations=open_revocations(revoked, authority=admission.authority),
    )


def test_a_cluster_is_private_and_found_again(operator):
    again = Operator(operator.path)
    assert again.cluster_id == operator.cluster_id
    assert again.manifest == MANIFEST
    assert again.members == []
    modes = {stat.S_IMODE(path.stat().st_mode) for path in operator.path.iterdir()}
    assert modes == {0o600}
    assert stat.S_IMODE(operator.path.stat().st_mode) == 0o700


def test_a_cluster_is_not_overwritten(operator):
    key = (operator.path / "authority.key").read_bytes()
    with pytest.raises(ConfigError, match="holds a cluster already"):
        Operator.create(operator.path, MANIFEST)
    assert (operator.path / "authority.key").read_bytes() == key


def test_creation_that_was_cut_short_can_be_repeated(operator):
    (operator.path / "authority.key").unlink()  # written last
    Operator.create(operator.path, MANIFEST)


def test_no_cluster_there(tmp_path):
    with pytest.raises(StateError, match="holds no cluster: make one with"):
        Operator(tmp_path)


def test_an_admitted_device_has_all_it_needs(operator, device):
    admission = open_with(device, operator.admit("pi", device.public, ("seed", "peer")))
    certificate = judge(admission, device, admission.revocations, time.time())
    assert (certificate.name, certificate.serial, certificate.roles) == ("pi", 1, ("peer", "seed"))
    assert open_manifest(admission.manifest, admission.authority) == MANIFEST
    (member,) = operator.members
    assert (member.name, member.serial, member.revoked) == ("pi", 1, False)
    assert member.public_key == device.public.hex()


def test_all_devices_of_a_cluster_share_its_key_and_no_serial(operator):
    keys = [DeviceKey.generate() for _ in range(3)]
    opened = [
        open_with(key, operator.admit(f"d{i}", key.public, PEER)) for i, key in enumerate(keys)
    ]
    assert len({admission.cluster_key for admission in opened}) == 1
    assert [member.serial for member in operator.members] == [1, 2, 3]


def test_a_join_file_opens_with_its_own_devices_key_only(operator, device):
    join_file = operator.admit("pi", device.public, PEER)
    with pytest.raises(Untrusted, match="sealed for another device"):
        open_with(DeviceKey.generate(), join_file)


def test_a_name_belongs_to_one_device(operator, device):
    operator.admit("pi", device.public, PEER)
    with pytest.raises(ConfigError, match="pi is admitted already with another key"):
        operator.admit("pi", DeviceKey.generate().public, PEER)
    assert len(operator.members) == 1


def test_a_device_has_one_name_so_that_revoking_it_shuts_it_out(operator, device):
    operator.admit("pi", device.public, PEER)
    with pytest.raises(ConfigError, match="admitted already as pi"):
        operator.admit("other", device.public, PEER)


def test_admitting_again_renews_under_the_same_serial(operator, device):
    first = open_with(device, operator.admit("pi", device.public, PEER, 1))
    now_s = time.time()
    renewed = open_with(device, operator.admit("pi", device.public, PEER, 100))
    with pytest.raises(Untrusted, match="expired"):
        judge(first, device, first.revocations, now_s + 2 * 86_400)
    assert judge(renewed, device, first.revocations, now_s + 2 * 86_400).serial == 1
    revoked = operator.revoke("pi")
    for admission in (first, renewed):
        with pytest.raises(Untrusted, match="revoked"):
            judge(admission, device, revoked, now_s)


def test_a_revoked_name_and_device_may_be_admitted_again(operator, device):
    old = open_with(device, operator.admit("pi", device.public, PEER))
    revoked = operator.revoke("pi")
    new = open_with(device, operator.admit("pi", device.public, PEER))
    now_s = time.time()
    assert judge(new, device, revoked, now_s).serial == 2
    with pytest.raises(Untrusted, match="revoked"):
        judge(old, device, revoked, now_s)
    assert [(m.serial, m.revoked) for m in operator.members] == [(1, True), (2, False)]
    assert open_revocations(new.revocations, authority=new.authority).serials == {1}


def test_revocations_add_up(operator):
    for name in ("a", "b", "c"):
        operator.admit(name, DeviceKey.generate().public, PEER)
    authority = open_with(device := DeviceKey.generate(), operator.admit("d", device.public, PEER))
    before = open_revocations(operator.revoke("a"), authority=authority.authority)
    after = open_revocations(operator.revoke("c"), authority=authority.authority)
    assert (before.serials, after.serials) == ({1}, {1, 3})
    assert after.version == before.version + 1


def test_only_members_can_be_revoked(operator, device):
    with pytest.raises(ConfigError, match="no device named pi is admitted; see"):
        operator.revoke("pi")
    operator.admit("pi", device.public, PEER)
    operator.revoke("pi")
    with pytest.raises(ConfigError, match=r"revoked already: the list to copy is .*revocations"):
        operator.revoke("pi")


@pytest.mark.parametrize(
    ("name", "roles", "days"), [("bad name", PEER, 1), ("pi", (), 1), ("pi", PEER, 0)]
)
def test_a_refused_admission_leaves_no_trace(operator, device, name, roles, days):
    with pytest.raises(ConfigError):
        operator.admit(name, device.public, roles, days)
    with pytest.raises(ConfigError):
        operator.admit("pi", b"short", PEER)
    assert operator.members == []


def test_simultaneous_admissions_never_share_a_serial(operator):
    def admit(number: int) -> bool:
        try:
            Operator(operator.path).admit(f"d{number}", DeviceKey.generate().public, PEER)
        except StateError as error:
            assert "another gossipfl runs" in str(error)  # noqa: PT017
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        admitted = sum(threads.map(admit, range(12)))
    assert [member.serial for member in operator.members] == list(range(1, admitted + 1))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b'{"members": 5}',
        b'{"members": [5]}',
        b'{"members": [{"name": "x"}]}',
        b'{"members": [{"name": "x", "serial": "1", "public_key": "", "roles": []}]}',
        b'{"members": [{"name": "x", "serial": 1, "public_key": "", "roles": [5]}]}',
    ],
)
def test_a_damaged_member_list_is_named(operator, content):
    (operator.path / "members.json").write_bytes(content)
    with pytest.raises(StateError, match=r"members\.json is damaged: restore a copy"):
        operator.admit("pi", DeviceKey.generate().public, PEER)


@pytest.mark.parametrize("name", ["authority.key", "cluster.key"])
def test_damaged_or_open_secrets_are_named(operator, name):
    path = operator.path / name
    path.chmod(0o644)
    with pytest.raises(StateError, match=f"{name} is open to other users: chmod 600"):
        Operator(operator.path)
    path.chmod(0o600)
    path.write_bytes(b"short")
    with pytest.raises(StateError, match=f"{name} is damaged"):
        Operator(operator.path)


def test_a_cluster_directory_open_to_others_is_refused(operator):
    operator.path.chmod(0o755)
    with pytest.raises(StateError, match="chmod 700"):
        Operator(operator.path)


def test_the_cluster_is_found_by_name_by_path_or_as_the_only_one(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    clusters = tmp_path / ".gossipfl" / "clusters"
    with pytest.raises(ConfigError, match=r"--cluster \(known here: none\)"):
        find_cluster(None)
    Operator.create(clusters / "one", MANIFEST)
    assert find_cluster(None) == clusters / "one"
    Operator.create(clusters / "two", MANIFEST)
    with pytest.raises(ConfigError, match="known here: one, two"):
        find_cluster(None)
    assert find_cluster("two") == clusters / "two"
    assert find_cluster("~/else/where") == tmp_path / "else" / "where"
    assert find_cluster("./here") == Path("here")


def test_the_directory_of_a_running_admission_is_locked(operator, device):
    home = Home(operator.path)
    home.lock()
    with pytest.raises(StateError, match="another gossipfl runs"):
        operator.admit("pi", device.public, PEER)
    home.unlock()
    operator.admit("pi", device.public, PEER)
