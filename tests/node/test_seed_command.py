"""`gossipfl seed`: settings, roles, and a seed process that leads two node processes."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

import numpy as np
import pytest
import trio
from click.testing import CliRunner

from gossipfl.config import load_config
from gossipfl.errors import ConfigError, StateError
from gossipfl.node.cli.main import gossipfl
from gossipfl.node.device import Device, take_join_file
from gossipfl.node.learners import open_material
from gossipfl.node.operator import Operator
from gossipfl.node.seeding import bring_coordinator, load_settings
from gossipfl.node.state.home import Home, write_private
from gossipfl.node.status import ask
from gossipfl.security.identity import encode_public
from tests.simulation.cluster import MANIFEST


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("rul = 'mean'", "rule"),
        ("data = 'x.csv'", "unknown key 'data'"),
        ("rule = 'krum'", "rule is mean"),
        ("quorum = 1.5", "quorum"),
        ("optimizer = 'sgd'", "optimizer"),
    ],
)
def test_bad_settings_are_named(tmp_path, text, told):
    path = tmp_path / "seed.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"seed\.toml: .*" + told):
        load_settings(path, {})


def test_settings_come_from_file_and_flags(tmp_path):
    path = tmp_path / "seed.toml"
    path.write_text("rule = 'median'\nlisten = '127.0.0.1:0'\n")
    config, coordination = load_settings(path, {"quorum": 0.8})
    assert (coordination.rule, coordination.quorum) == ("median", 0.8)
    assert config.listen == "127.0.0.1:0"


def admit(tmp_path, operator, name: str, role: str):
    home = tmp_path / name
    join_file = tmp_path / f"{name}.join"
    write_private(join_file, operator.admit(name, Home(home).device_key().public, (role,)))
    take_join_file(home, join_file)
    return home


def test_a_device_runs_as_what_it_was_admitted(tmp_path):
    operator = Operator.create(tmp_path / "cluster", MANIFEST)
    (tmp_path / "data.csv").write_text("x,y,side\n" + "0,0,left\n1,1,right\n" * 9)
    for role, other in (("seed", "as a seed"), ("peer", "as no seed")):
        home = admit(tmp_path, operator, f"a-{role}", role)
        flags = {"state": str(home), "listen": "127.0.0.1:0", "mdns": False}
        config, coordination = load_settings(None, flags)
        bring = bring_coordinator(coordination)
        if role == "seed":
            config = load_config(None, flags | {"data": str(tmp_path / "data.csv")})
            bring = open_material
        with pytest.raises(ConfigError, match=other):
            Device(config, bring=bring)


def test_admitting_a_seed_says_how_to_start_it(tmp_path, monkeypatch):
    Operator.create(tmp_path / "cluster", MANIFEST)
    key = Home(tmp_path / "home").device_key()
    arguments = ["cluster", "admit", "attic", "--role", "seed", "--output", "attic.join"]
    arguments += ["--public-key", encode_public(key.public), "--cluster", str(tmp_path / "cluster")]
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(gossipfl, arguments)
    assert result.exit_code == 0, result.output
    assert "gossipfl seed --join attic.join" in result.output


def test_a_seed_process_leads_node_processes_and_survives_kill_9(tmp_path):
    operator = Operator.create(tmp_path / "cluster", MANIFEST)
    rng = np.random.default_rng(0)
    processes = {}

    def start(name: str, *arguments: str) -> None:
        command = [sys.executable, "-m", "gossipfl", *arguments, "--events", "none"]
        command += ["--state", str(tmp_path / name), "--no-mdns", "--preset", "local"]
        processes[name] = subprocess.Popen(command)

    def status(name: str) -> dict:
        with suppress(StateError):
            return trio.run(ask, tmp_path / name / "status.sock", "status")
        return {}

    def wait(name: str, done) -> dict:
        for _ in range(600):
            answer = status(name)
            if answer and done(answer):
                return answer
            time.sleep(0.1)
        raise AssertionError(f"{name}: {status(name)}")

    try:
        admit(tmp_path, operator, "seed", "seed")
        start("seed", "seed", "--listen", "127.0.0.1:0")
        address = wait("seed", lambda a: a["address"])["address"]
        for number in range(2):
            name = f"node-{number}"
            admit(tmp_path, operator, name, "peer")
            data = tmp_path / f"{name}.npz"
            x = rng.normal(size=(40, 2)).astype("f4")
            np.savez(data, X=x, y=np.where(x[:, 0] > 0, "right", "left"))
            start(name, "node", "--data", str(data), "--peer", address, "--no-hints",
                  "--listen", "127.0.0.1:0")  # fmt: skip
        rounds = wait("seed", lambda a: a["rounds"] > 5 and len(a["neighbours"]) == 2)["rounds"]
        assert wait("node-0", lambda a: a["mode"] == "central")["state"] == "training"
        processes["seed"].send_signal(signal.SIGKILL)
        processes["seed"].wait()
        start("seed", "seed", "--listen", address)
        assert wait("seed", lambda a: a["rounds"] > rounds + 3)["roles"] == ["seed"]
    finally:
        for process in processes.values():
            if process.poll() is None:
                os.kill(process.pid, signal.SIGTERM)
        for process in processes.values():
            process.wait(20)
