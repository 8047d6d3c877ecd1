"""What people type: settings of a gateway, and the commands around it."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gossipfl.data.schema import Schema
from gossipfl.errors import ConfigError
from gossipfl.learning.settings import TrainingSettings
from gossipfl.manifest import Manifest
from gossipfl.models.personalisation import Personalisation
from gossipfl.node.cli.devices import print_devices
from gossipfl.node.cli.gateway import command
from gossipfl.node.cli.status import command as status
from gossipfl.node.gateway.settings import load_settings
from gossipfl.node.gateway.suitability import plan_for
from gossipfl.node.state.home import write_private

MANIFEST: dict[str, Any] = {
    "cluster": "home",
    "schema": Schema(columns=4, target="y", classes=("0", "1")),
    "standardise": "none",
}


def test_a_file_and_flags(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text('preset = "battery"\nuart = ["/dev/ttyUSB0,9600"]\nudp = ["127.0.0.1:7412"]\n')
    config, own = load_settings(file, {"interval_s": 60.0})
    assert (config.interval_s, config.view, config.listen) == (60.0, 2, "0.0.0.0:0")
    assert [wire.name for wire in own.wires()] == ["udp 127.0.0.1:7412", "uart /dev/ttyUSB0"]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('data = "readings.csv"', "unknown key 'data'"),
        ('uarts = "/dev/ttyUSB0"', "uart"),
        ('uart = "/dev/ttyUSB0"', "is not a list"),
        ('listen = "0.0.0.0:7411"', "a port of its own"),
        ("interval_s = 0", "interval_s"),
    ],
)
def test_mistakes(tmp_path: Path, line: str, complaint: str) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text(line)
    with pytest.raises(ConfigError, match=complaint) as error:
        load_settings(file, {})
    assert str(file) in str(error.value)


@pytest.mark.parametrize("flags", [{}, {"udp": ("nowhere",)}, {"uart": ("/dev/ttyUSB0,1",)}])
def test_wires_that_are_none(flags: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        load_settings(None, flags)[1].wires()


@pytest.mark.parametrize(
    ("change", "remedy"),
    [
        ({"standardise": "feature"}, "--standardise none"),
        ({"basis": "dct1:4x1:2"}, "--basis"),
        ({"quantise": "int8"}, "--quantise"),
        ({"personal": Personalisation(private=("head",))}, "--private"),
        ({"scheme": "plain"}, "--scheme anchored"),
        ({"training": TrainingSettings(optimizer="adam")}, "sgd"),
    ],
)
def test_clusters_that_devices_cannot_join(change: dict[str, Any], remedy: str) -> None:
    config, _ = load_settings(None, {})
    with pytest.raises(ConfigError, match=remedy):
        plan_for(Manifest(**{**MANIFEST, **change}), config)
    assert plan_for(Manifest(**MANIFEST), config).interval_s == 5


@pytest.mark.parametrize(("interval_s", "devices_s"), [(0.2, 1), (1.0, 1), (2.4, 3)])
def test_devices_are_never_quicker_than_their_nodes(interval_s: float, devices_s: int) -> None:
    config, _ = load_settings(None, {"interval_s": interval_s})
    assert plan_for(Manifest(**MANIFEST), config).interval_s == devices_s


def test_the_commands_around_a_gateway(tmp_path: Path) -> None:
    state = ["--state", str(tmp_path / "gateway")]

    def said(*arguments: str) -> str:
        result = CliRunner().invoke(command, [*arguments, *state], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    told = said("enrol", "lamp")
    assert "gfl1-" in told
    assert "cluster admit lamp --public-key" in told
    assert "next key" in said("rotate", "lamp")
    other = tmp_path / "other"
    there = CliRunner().invoke(command, ["key", "--state", str(other)]).output.strip()
    file = tmp_path / "lamp.device"
    assert "take-over" in said("hand-over", "lamp", "--to", there, "--output", str(file))
    taken = CliRunner().invoke(command, ["take-over", str(file), "--state", str(other)])
    assert "lamp is served here now" in taken.output


def test_what_status_shows(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    lamp = {
        "name": "lamp",
        "enrolled": True,
        "key": 1,
        "state": "asleep",
        "battery": 87,
        "link": "uart /dev/ttyUSB0",
        "silent_s": 7300.0,
        "asleep_s": 90.0,
        "samples": 40,
        "exchanges": 12,
        "unfit": None,
    }
    fresh = {**lamp, "name": "pump", "enrolled": False, "state": "not seen", "battery": None}
    fresh |= {"link": None, "silent_s": None, "unfit": "the model is too large for it"}
    print_devices({"devices": [lamp, fresh], "wires": ["udp 0.0.0.0:7412"]})
    text = " ".join(capsys.readouterr().out.split())
    for part in (
        "lamp",
        "asleep for 90 s",
        "87 %",
        "2 h ago",
        "code not used",
        "too large",
        "7412",
    ):
        assert part in text


def test_a_join_file_that_is_none(tmp_path: Path) -> None:
    file = tmp_path / "lamp.join"
    write_private(file, b"nothing")
    result = CliRunner().invoke(command, ["admit", str(file), "--state", str(tmp_path / "gateway")])
    assert result.exit_code != 0


@pytest.mark.parametrize(
    ("running", "asked"),
    [(["node"], "node"), (["gateway"], "gateway"), (["node", "gateway"], "node")],
)
def test_status_asks_what_runs_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, running: list[str], asked: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in running:
        (tmp_path / ".gossipfl" / name).mkdir(parents=True)
        (tmp_path / ".gossipfl" / name / "status.sock").touch()
    states = list[Path]()
    monkeypatch.setattr(
        "gossipfl.node.cli.status.show_status", lambda state, as_json: states.append(state)
    )
    result = CliRunner().invoke(status, [], catch_exceptions=False)
    assert result.exit_code == 0
    assert [state.name for state in states] == [asked]
