"""The doctor finds what is wrong, names the remedy, and touches nothing."""

import json
import socket
import sys
import time
from importlib import metadata
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gossipfl.config import NodeConfig, build_config
from gossipfl.data.schema import Schema
from gossipfl.manifest import Manifest
from gossipfl.node import doctor
from gossipfl.node.cli import doctor as cli
from gossipfl.node.doctor import Finding, check_kernels, check_versions, examine
from gossipfl.node.operator import Operator
from gossipfl.node.state.home import Home, write_private
from gossipfl.node.state.store import Store
from gossipfl.security.identity import DeviceKey, encode_public
from tests.node.stored import MANIFEST_ID, model_at

MANIFEST = Manifest(cluster="home", schema=Schema(columns=4, target="y", classes="01"))
DAY_S = 86_400
GOOD = Finding("kernels", "ok", "loaded")


@pytest.fixture(autouse=True)
def sound_surroundings(monkeypatch) -> None:
    """Kernels and multicast as on a good device; tests of those replace them."""

    async def no_fault(interface: str) -> str:
        return ""

    monkeypatch.setattr(doctor, "check_kernels", lambda: GOOD)
    monkeypatch.setattr(doctor, "multicast_fault", no_fault)
    monkeypatch.setattr(doctor, "own_addresses", lambda: ["127.0.0.1", "192.168.1.20"])


@pytest.fixture
def state(tmp_path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def operator(tmp_path) -> Operator:
    return Operator.create(tmp_path / "cluster", MANIFEST)


@pytest.fixture
def admitted(state, operator) -> Home:
    home = Home(state)
    write_private(home.admission, operator.admit("pi", home.device_key().public, ("peer",)))
    return home


def settings(state: Path, **changes: object) -> NodeConfig:
    return build_config({"state": str(state), "listen": "127.0.0.1:0", **changes}, "test")


async def look(state: Path, at_s: float | None = None, **changes: object) -> dict[str, Finding]:
    findings = await examine(settings(state, **changes), at_s or time.time())
    for finding in findings:
        assert "\n" not in finding.text + finding.remedy
        assert bool(finding.remedy) == (finding.verdict != "ok")
    return {finding.check: finding for finding in findings}


async def test_a_good_device_passes(admitted):
    Store(admitted.database, MANIFEST_ID).close()
    found = await look(admitted.path)
    assert {finding.verdict for finding in found.values()} == {"ok"}
    assert set(found) == {
        *("versions", "kernels", "clock", "state", "space", "lock", "database"),
        *("key", "admission", "certificate", "port", "multicast"),
    }
    assert "cluster home" in found["admission"].text
    assert found["certificate"].text == "pi (peer), valid for 3,650 more days"


async def test_a_fresh_device_passes_and_nothing_is_made(state):
    found = await look(state)
    assert {finding.verdict for finding in found.values()} == {"ok"}
    assert not state.exists()


async def test_a_device_that_is_in_no_cluster_is_told_how(state):
    key = Home(state).device_key()
    admission = (await look(state))["admission"]
    assert admission.verdict == "warning"
    assert encode_public(key.public) in admission.remedy
    assert [path.name for path in state.iterdir()] == ["device.key"]


@pytest.mark.parametrize("place", ["file", "file/state"])
async def test_a_file_in_the_way(tmp_path, place):
    (tmp_path / "file").write_bytes(b"")
    assert (await look(tmp_path / place))["state"].verdict == "failed"


async def test_a_directory_open_to_others(admitted):
    admitted.path.chmod(0o755)
    found = (await look(admitted.path))["state"]
    assert found.verdict == "failed"
    assert "chmod 700" in found.text


async def test_little_space(admitted, monkeypatch):
    monkeypatch.setattr(Home, "free_bytes", lambda _: 5_000_000)
    assert (await look(admitted.path))["space"].text == "5 MB free"


async def test_a_running_node_may_hold_lock_port_and_database(admitted):
    admitted.lock()
    store = Store(admitted.database, MANIFEST_ID)
    store.write([model_at(1)])
    with socket.create_server(("127.0.0.1", 0)) as held:
        found = await look(admitted.path, listen=f"127.0.0.1:{held.getsockname()[1]}")
    store.write([model_at(2)])
    store.close()
    admitted.unlock()
    assert {finding.verdict for finding in found.values()} == {"ok"}
    assert found["lock"].text == "a node runs here"


async def test_a_port_held_by_somebody_else(state):
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        found = (await look(state, listen=f"127.0.0.1:{port}"))["port"]
    assert found.verdict == "failed"
    assert f"port {port} on 127.0.0.1 is in use" in found.text


@pytest.mark.parametrize("content", [b"junk" * 3000, b"SQLite format 3\0" + b"x" * 5000])
async def test_a_damaged_database(admitted, content):
    admitted.database.write_bytes(content)
    found = (await look(admitted.path))["database"]
    assert found.verdict == "failed"
    assert "sets a damaged file aside" in found.remedy
    assert admitted.database.read_bytes() == content


async def test_damage_in_the_middle_of_a_database(admitted):
    store = Store(admitted.database, MANIFEST_ID)
    store.write([model_at(1, 20_000)])
    store.close()
    content = bytearray(admitted.database.read_bytes())
    content[4096 * 3 : 4096 * 4] = bytes(range(256)) * 16
    admitted.database.write_bytes(content)
    assert (await look(admitted.path))["database"].verdict == "failed"


async def test_a_key_open_to_others(admitted):
    (admitted.path / "device.key").chmod(0o644)
    found = await look(admitted.path)
    assert found["key"].verdict == "failed"
    assert "chmod 600" in found["key"].text
    assert "admission" not in found


async def test_a_damaged_key(admitted):
    (admitted.path / "device.key").write_bytes(b"short")
    assert (await look(admitted.path))["key"].verdict == "failed"


async def test_the_admission_of_another_device(admitted, operator):
    stranger = DeviceKey.generate().public
    write_private(admitted.admission, operator.admit("other", stranger, ("peer",)))
    found = (await look(admitted.path))["admission"]
    assert found.verdict == "failed"
    assert "new join file" in found.remedy


async def test_a_damaged_admission(admitted):
    admitted.admission.write_bytes(b"junk")
    assert (await look(admitted.path))["admission"].verdict == "failed"


@pytest.mark.parametrize(
    ("days", "verdict"),
    [(-2, "failed"), (0, "ok"), (3600, "ok"), (3640, "warning"), (3652, "failed")],
)
async def test_the_certificates_dates(admitted, days, verdict):
    found = (await look(admitted.path, time.time() + days * DAY_S))["certificate"]
    assert found.verdict == verdict


async def test_a_revoked_certificate(admitted, operator):
    write_private(admitted.revocations, operator.revoke("pi"))
    found = (await look(admitted.path))["certificate"]
    assert found.verdict == "failed"
    assert "revoked" in found.text


@pytest.mark.parametrize(
    ("now_s", "verdict"), [(0, "failed"), (1_800_000_000, "ok"), (5_000_000_000, "failed")]
)
def test_the_year(now_s, verdict):
    assert doctor.check_clock(now_s).verdict == verdict


async def test_multicast_is_tried_on_each_interface(state, monkeypatch):
    async def fault(interface: str) -> str:
        return "" if interface == "10.0.0.1" else f"{interface}: nothing comes back"

    monkeypatch.setattr(doctor, "multicast_fault", fault)
    findings = await examine(settings(state, interface=["10.0.0.1", "10.0.0.2"]), time.time())
    assert [(f.check, f.verdict) for f in findings[-2:]] == [
        ("multicast", "ok"),
        ("multicast", "warning"),
    ]
    assert "--peer HOST:PORT" in findings[-1].remedy
    assert (await look(state))["multicast"].text == "192.168.1.20: nothing comes back"
    assert "multicast" not in await look(state, mdns=False)


def test_real_kernels_are_compiled_and_cached():
    found = check_kernels()
    assert found.check == "kernels"
    assert found.verdict in ("ok", "warning")
    assert "s (" in found.text or found.remedy


def test_the_state_of_the_kernel_cache(tmp_path):
    assert doctor._judge_cache(tmp_path, 0, 0.5).text.startswith("loaded from the cache")
    assert doctor._judge_cache(tmp_path, 2, 20.0).text.startswith("compiled now")
    unwritable = doctor._judge_cache(tmp_path / "none", 2, 20.0)
    assert (unwritable.verdict, "NUMBA_CACHE_DIR" in unwritable.remedy) == ("warning", True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(doctor.presence, "DISABLED", True)
        assert "NUMBA_DISABLE_JIT" in check_kernels().remedy


async def test_kernels_that_cannot_run(admitted, monkeypatch):
    def refuse(_: str) -> None:
        raise OSError(13, "compiled code must not run here")

    with monkeypatch.context() as patch:
        patch.setattr(doctor.importlib, "import_module", refuse)
        failed = check_kernels()
    assert (failed.verdict, "numba" in failed.remedy) == ("failed", True)
    monkeypatch.setattr(doctor, "check_kernels", lambda: failed)
    found = await look(admitted.path)
    assert "admission" not in found  # which would need the kernels
    assert found["port"].verdict == "ok"


def test_versions_are_those_that_the_package_pins(monkeypatch):
    assert check_versions().verdict == "ok"
    assert "numba" in check_versions().text
    real = metadata.version
    with monkeypatch.context() as patch:
        patch.setattr(metadata, "version", lambda name: "0.1" if name == "numba" else real(name))
        found = check_versions()
    assert found.verdict == "warning"
    assert found.text.startswith("numba 0.1, not ")

    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    with monkeypatch.context() as patch:
        patch.setattr(metadata, "version", missing)
        assert check_versions().verdict == "failed"
    monkeypatch.setattr(sys, "version_info", (3, 10, 4))
    assert check_versions().remedy == "install Python 3.11 or newer"


def ask_doctor(*arguments: str) -> Result:
    return CliRunner().invoke(cli.command, ["--listen", "127.0.0.1:0", *arguments])


def test_the_command_prints_one_line_a_finding(admitted):
    result = ask_doctor("--state", str(admitted.path))
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert len(lines) == 12
    assert all(line.startswith("ok       ") for line in lines)


def test_the_command_fails_when_anything_failed(admitted):
    admitted.path.chmod(0o755)
    result = ask_doctor("--state", str(admitted.path))
    assert result.exit_code == 1
    assert "failed   state " in result.output


def test_a_warning_is_no_failure(state):
    Home(state).device_key()
    result = ask_doctor("--state", str(state))
    assert result.exit_code == 0
    assert "warning  admission    in no cluster yet: the operator runs" in result.output


def test_the_command_speaks_json(admitted):
    admitted.admission.write_bytes(b"junk")
    result = ask_doctor("--state", str(admitted.path), "--json", "--interface", "10.1.2.3")
    assert result.exit_code == 1
    findings = json.loads(result.output)
    assert all(set(each) == {"check", "verdict", "text", "remedy"} for each in findings)
    assert [each["check"] for each in findings if each["verdict"] == "failed"] == ["admission"]
    assert findings[-1]["text"] == "works on 10.1.2.3"


def test_the_command_reads_the_nodes_own_settings(tmp_path, state):
    (tmp_path / "node.toml").write_text(f'state = "{state}"\nmdns = false\n')
    result = ask_doctor("--config", str(tmp_path / "node.toml"))
    assert str(state) in result.output
    assert "multicast" not in result.output
