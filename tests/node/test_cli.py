"""The command line: what people see, and that every error is one line that says what to do."""

import re
import socket
import subprocess
import sys
from pathlib import Path

import attrs
import click
import numpy as np
import pytest
from click.testing import CliRunner

from gossipfl.config import KEYS, NodeConfig
from gossipfl.errors import ConfigError, StateError
from gossipfl.manifest import Manifest
from gossipfl.node.cli import main as cli
from gossipfl.node.cli import node
from gossipfl.node.operator import Operator
from gossipfl.node.state.home import Home
from gossipfl.security.admission import open_with
from gossipfl.security.identity import DeviceKey, decode_public, encode_public


@pytest.fixture
def cluster(ok) -> None:
    ok("cluster", "create", "home", "--features", "3", "--classes", "2")


@pytest.fixture
def readings(tmp_path) -> Path:
    rng = np.random.default_rng(0)
    rows = [f"{a:.3f},{b:.3f},{c:.3f},{int(a > 0)}" for a, b, c in rng.normal(size=(60, 3))]
    path = tmp_path / "readings.csv"
    path.write_text("\n".join(["a,b,c,y", *rows]) + "\n")
    return path


def test_the_operators_way_from_create_to_revoke(ok, tmp_path):
    created = ok("cluster", "create", "home", "--features", "3", "--classes", "2")
    assert str(tmp_path / ".gossipfl" / "clusters" / "home") in created
    assert "cross-entropy; 194 of at most 51,200 parameters" in created
    key = ok("key").strip()
    assert ok("key").strip() == key
    admitted = ok("cluster", "admit", "pi", "--public-key", key, "--role", "seed")
    assert admitted == "Wrote pi.join; on pi: gossipfl seed --join pi.join\n"
    device = Home(tmp_path / ".gossipfl" / "node").device_key()
    admission = open_with(device, (tmp_path / "pi.join").read_bytes())
    assert decode_public(key) == device.public
    shown = ok("cluster", "show")
    assert re.search(rf"pi +1 +seed +{key} *\n", shown)
    assert "revoked" not in shown
    assert "Wrote revocations" in ok("cluster", "revoke", "pi")
    assert re.search(rf"pi +1 +seed +{key} +revoked", ok("cluster", "show"))
    again = ok("cluster", "admit", "pi", "--public-key", key, "--output", "second.join")
    assert "second.join" in again
    assert len(admission.certificate) < 300


def test_written_files_are_private(ok, cluster, tmp_path):
    ok("cluster", "admit", "pi", "--public-key", ok("key").strip())
    ok("cluster", "revoke", "pi", "--output", "list")
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "pi.join", tmp_path / "list")} == {
        0o600
    }


def test_columns_are_taken_from_a_file(ok, readings):
    created = ok("cluster", "create", "home", "--like", str(readings), "--linear")
    assert "cross-entropy; 8 of at most 51,200 parameters" in created


@pytest.mark.parametrize(
    ("flags", "agreed"),
    [((), "feature"), (("--trust", "open"), "local:feature"),
     (("--trust", "open", "--standardise", "feature"), "feature")],
)  # fmt: skip
def test_where_members_may_lie_each_node_goes_by_its_own_scales(ok, tmp_path, flags, agreed):
    ok("cluster", "create", "home", "--features", "3", "--classes", "2", *flags)
    manifest = Operator(tmp_path / ".gossipfl" / "clusters" / "home").manifest
    assert isinstance(manifest, Manifest)
    assert manifest.standardise == agreed


def test_a_long_key_is_never_cut(ok, cluster, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    key = encode_public(DeviceKey.generate().public)
    name = "a-device-with-a-name-of-45-characters-in-all"
    ok("cluster", "admit", name, "--public-key", key, "--output", "x.join")
    assert key in ok("cluster", "show")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["create", "two words", "--features", "3"], "cluster is 1 to 63 letters"),
        (["create", "..", "--features", "3"], "cluster is 1 to 63 letters"),
        (["create", "x"], "describe the readings with --like FILE, or with --features N"),
        (["create", "x", "--features", "3", "--like", "f"], "not with both"),
        (["create", "x", "--like", "none.csv"], "none.csv"),
        (["create", "x", "--features", "3", "--seed", "-1"], "seed must be a whole number from 0"),
        (["create", "x", "--features", "3", "--keep-ratio", "0"], "keep_ratio is above 0"),
        (["create", "x", "--features", "3", "--hidden", "90000"], "at most 51,200 parameters"),
        (["create", "x", "--features", "3", "--hidden", "0"], "positive integer"),
        (["create", "x", "--features", "3", "--classes", "1"], "2 to 1000 classes"),
        (["create", "x", "--features", "3", "--learning-rate", "99"], "learning_rate is above 0"),
        (["create", "x", "--features", "3", "--basis", "fft"], "fft"),
        (["create", "x", "--features", "3", "--standardise", "channel:2"], "channel:2"),
        (["create", "home", "--features", "3"], "holds a cluster already; choose another name"),
        (["admit", "pi", "--public-key", "gfl1-short"], "copy all of it"),
        (["revoke", "pi"], "no device named pi is admitted; see `gossipfl cluster show`"),
        (["show", "--cluster", "other"], "holds no cluster: make one with"),
        (["show", "--cluster", "./here"], "cannot read here|here holds no cluster"),
    ],
)
def test_operator_errors_are_one_line(refused, cluster, arguments, said):
    assert re.search(said, refused("cluster", *arguments))


def test_admission_errors_are_one_line(ok, refused, cluster):
    key, other = (encode_public(DeviceKey.generate().public) for _ in range(2))
    assert "name must be" in refused("cluster", "admit", "a b", "--public-key", key)
    assert "valid_days" in refused(
        "cluster", "admit", "a", "--public-key", key, "--valid-days", "0"
    )
    typo = key[:-1] + ("A" if key[-1] != "A" else "B")
    assert "typo" in refused("cluster", "admit", "a", "--public-key", typo)
    ok("cluster", "admit", "a", "--public-key", key)
    assert "another key" in refused("cluster", "admit", "a", "--public-key", other)


def test_a_join_file_that_could_not_be_written_can_be_made_again(ok, refused, cluster):
    command = ("cluster", "admit", "pi", "--public-key", ok("key").strip(), "--output")
    assert "cannot write none/pi.join" in refused(*command, "none/pi.join")
    ok(*command, "pi.join")


def test_one_of_several_clusters_is_named(ok, refused, cluster):
    ok("cluster", "create", "work", "--features", "3", "--directory", "elsewhere/work")
    ok("cluster", "create", "hut", "--features", "3")
    assert refused("cluster", "show").endswith("(known here: home, hut)")
    assert "cluster hut," in ok("cluster", "show", "--cluster", "hut")
    assert "cluster work," in ok("cluster", "show", "--cluster", "elsewhere/work")


@pytest.mark.parametrize("arguments", [["--veiw", "3"], ["--view", "x"], ["--events", "loud"]])
def test_wrong_flags_are_a_usage_error(run, arguments):
    status, _, errors = run("node", *arguments)
    assert status == 2
    assert "Usage: gossipfl node" in errors


def test_every_key_is_a_flag_with_help():
    shown = CliRunner().invoke(node.command, ["--help"]).output
    for attribute in attrs.fields(NodeConfig):
        assert f"--{attribute.name.replace('_', '-')}" in shown
        assert " ".join(attribute.metadata["help"].split()[:3]) in re.sub(r"\s+", " ", shown)


@pytest.mark.parametrize("key", KEYS)
def test_every_flag_reaches_its_setting(key):
    given = {
        "state": ("x", Path("x")),
        "data": ("x", Path("x")),
        "flower": ("app:app", "app:app"),
        "numpy_client": ("app:make", "app:make"),
        "sklearn": ("app:make", "app:make"),
        "torch": ("app:make", "app:make"),
        "run_config": ("lr=0.1", ("lr=0.1",)),
        "node_config": ("partition-id=3", ("partition-id=3",)),
        "listen": (":9", ":9"),
        "peer": ("h:9", ("h:9",)),
        "mdns": (None, False),
        "interface": ("10.0.0.1", ("10.0.0.1",)),
        "hints": (None, False),
        "advertise": ("h:9", ("h:9",)),
        "probe_timeout_s": ("0.5", 0.5),
        "preset": ("wan", "wan"),
        "topology": ("torus", "torus"),
        "validation": ("0.5", 0.5),
        "drift_warning": ("0.5", 0.5),
        "view_max": ("9", 9),
        "bytes_per_day": ("1000000", 1_000_000),
        "max_message_bytes": ("350", 350),
    }
    text, value = given.get(key, ("3", 3))
    flag = key.replace("_", "-")
    arguments = [f"--no-{flag}"] if text is None else [f"--{flag}", text]
    context = node.command.make_context("node", arguments)
    flags = {name: each for name, each in context.params.items() if name in KEYS}
    assert getattr(node.given_config(None, flags), key) == value


def test_a_device_without_admission_says_its_key_and_what_to_do(refused, ok):
    line = refused("node", "--data", "x.csv")
    assert ok("key").strip() in line
    assert "in no cluster yet" in line
    assert "gossipfl cluster admit" in line
    assert "--join" in line


def test_node_errors_are_one_line(refused, ok, cluster, readings, tmp_path):
    ok("cluster", "admit", "pi", "--public-key", ok("key").strip())
    (tmp_path / "node.toml").write_text("veiw = 3\n")
    (tmp_path / "late.toml").write_text('listen = "nowhere"\n')
    (tmp_path / "junk.join").write_bytes(b"junk")
    stranger = encode_public(DeviceKey.generate().public)
    ok("cluster", "admit", "other", "--public-key", stranger)
    for arguments, said in [
        (["--config", "none.toml"], "cannot read none.toml: No such file"),
        (["--config", "node.toml"], "node.toml: unknown key 'veiw'; did you mean 'view'?"),
        (["--config", "late.toml"], "late.toml: listen: address 'nowhere' has no port"),
        (["--listen", "nowhere"], "--listen: address 'nowhere' has no port"),
        (["--peer", "a:1", "--peer", "b"], "--peer: address 'b' has no port"),
        (["--view", "0"], "the command line: 'view' must be >= 1"),
        (["--preset", "moon"], "the command line: 'preset' must be in"),
        (["--join", "none.join"], "cannot read none.join"),
        (["--join", "junk.join"], "this is not a join file"),
        (["--join", "other.join"], "sealed for another device"),
    ]:
        assert said in refused("node", "--events", "none", *arguments)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "say what to learn from: --data FILE"),
        (["--data", "none.csv"], "none.csv"),
        (["--data", "short.csv"], "short.csv"),
    ],
)
def test_data_errors_are_one_line(refused, ok, cluster, tmp_path, arguments, said):
    ok("cluster", "admit", "pi", "--public-key", ok("key").strip())
    (tmp_path / "short.csv").write_text("a,b,y\n1,2,0\n")
    assert said in refused("node", "--events", "none", "--join", "pi.join", *arguments)


def test_errors_out_of_a_running_node_are_one_line_too(refused, ok, readings):
    ok("cluster", "create", "home", "--like", str(readings))
    ok("cluster", "admit", "pi", "--public-key", ok("key").strip())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = refused(
            *("node", "--join", "pi.join", "--data", str(readings), "--events", "none"),
            *("--no-mdns", "--listen", f"127.0.0.1:{port}"),
        )
    assert f"port {port} on 127.0.0.1 is in use" in line


def test_status_of_nothing_is_one_line(refused):
    assert "no node answers at" in refused("status")
    assert "start one with `gossipfl node`" in refused("status", "--json")


def test_the_installed_entry_point_reports_like_the_rest(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "gossipfl", "status", "--state", str(tmp_path / "s")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("gossipfl: no node answers")
    assert done.stderr.count("\n") == 1


def fail_with(error: BaseException) -> click.Command:
    @click.command()
    def command() -> None:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (ConfigError("do this"), 2, "gossipfl: do this\n"),
        (ExceptionGroup("", [StateError("do that")]), 2, "gossipfl: do that\n"),
        (ExceptionGroup("", [ExceptionGroup("", [StateError("a"), ConfigError("b")])]), 2, "a\n"),
        (KeyboardInterrupt(), 130, ""),
        (BaseExceptionGroup("", [KeyboardInterrupt(), StateError("x")]), 130, ""),
    ],
)
def test_errors_end_the_program_in_order(run, monkeypatch, error, status, said):
    monkeypatch.setattr(cli, "gossipfl", fail_with(error))
    ended, _, errors = run()
    assert ended == status
    assert errors.endswith(said)


@pytest.mark.parametrize(
    "error", [ValueError("a bug"), ExceptionGroup("", [StateError("x"), ValueError("a bug")])]
)
def test_bugs_are_not_hidden(run, monkeypatch, error):
    monkeypatch.setattr(cli, "gossipfl", fail_with(error))
    with pytest.raises(type(error)):
        run()
