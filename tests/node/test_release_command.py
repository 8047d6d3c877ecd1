"""`gossipfl release`: what the operator signs, what is refused, and what people see."""

from pathlib import Path

import attrs
import numpy as np
import pytest

from gossipfl.data.schema import Schema
from gossipfl.errors import ConfigError, StateError
from gossipfl.manifest import Manifest
from gossipfl.models.sequential import perceptron
from gossipfl.node.cli import release as cli
from gossipfl.node.operator import Operator
from gossipfl.node.publishing import (
    deliver,
    read_changes,
    release_model,
    release_settings,
    withdraw_release,
)
from gossipfl.node.state.home import Home
from gossipfl.releases.content import Content
from gossipfl.releases.envelope import FILE_MAX, decode_file, encode_file
from gossipfl.releases.publishing import Plan
from gossipfl.releases.release import CONTENT_MAX, open_release
from gossipfl.releases.settings import decode_settings
from gossipfl.security.identity import DeviceKey
from gossipfl.trained import TrainedModel
from gossipfl.wire.releases import RELEASE_MAX, SETTINGS

MANIFEST = Manifest(
    cluster="home",
    schema=Schema(columns=3, target="y", classes="01"),
    standardise="none",
    layers=perceptron((4,)),
)
PLAN = Plan(stages=(0.1, 1.0), judge_s=5)


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    operator = Operator.create(tmp_path / ".gossipfl" / "clusters" / "home", MANIFEST)
    for number in range(5):
        operator.admit(f"pi-{number}", DeviceKey.generate().public, ("peer",))
    return operator


def trained(manifest: Manifest = MANIFEST, value: float = 0.5) -> TrainedModel:
    size = manifest.model().parameters
    return TrainedModel(manifest, np.full(size, value, np.float32), None)


def test_a_release_brings_the_gossiped_part_to_all_who_learn(operator: Operator) -> None:
    operator.admit("roof", DeviceKey.generate().public, ("seed",))
    operator.revoke("pi-4")
    signed, content = decode_file(release_model(operator, trained(), PLAN))
    release = open_release(signed, operator._authority.public)
    assert release == operator.newest_release()
    assert (release.number, release.manifest_id) == (1, MANIFEST.id)
    assert sum(stage.quorum for stage in release.stages) == 1 + 2
    model = Content(release, content).model(MANIFEST.parameters)
    assert model is not None
    assert (model == 0.5).all()


def test_numbers_grow_and_a_rollback_is_one(operator: Operator) -> None:
    with pytest.raises(ConfigError, match="nothing was ever released"):
        withdraw_release(operator)
    for _ in range(2):
        release_model(operator, trained(), PLAN)
    withdraw_release(operator)
    newest = operator.newest_release()
    assert newest is not None
    assert (newest.number, newest.withdraws) == (3, 2)
    with pytest.raises(ConfigError, match="release 2 was taken back already"):
        withdraw_release(operator)


def test_models_of_another_kind_are_refused(operator: Operator) -> None:
    for change in ({"layers": perceptron((5,))}, {"loss": "binary"}, {"basis": "dct1:3x1:2"}):
        (name,) = change
        with pytest.raises(ConfigError, match=f"{name} differs from the cluster's"):
            release_model(operator, trained(attrs.evolve(MANIFEST, **change)), PLAN)
    elsewhere = attrs.evolve(MANIFEST, cluster="train", seed=7)
    release_model(operator, trained(elsewhere), PLAN)


@pytest.mark.parametrize("plan", [Plan(stages=(0.5,)), Plan(quorum=2.0), Plan(judge_s=-1)])
def test_plans_that_are_none(operator: Operator, plan: Plan) -> None:
    with pytest.raises(ConfigError):
        release_model(operator, trained(), plan)
    assert operator.newest_release() is None


def test_what_cannot_be_released(tmp_path: Path) -> None:
    empty = Operator.create(tmp_path / "empty", MANIFEST)
    with pytest.raises(ConfigError, match="no device is admitted"):
        release_model(empty, trained(), PLAN)


def test_files_are_bounded_and_marked() -> None:
    assert decode_file(encode_file(b"s", b"c")) == (b"s", b"c")
    longest = encode_file(bytes(RELEASE_MAX), bytes(CONTENT_MAX))
    assert len(longest) <= FILE_MAX
    for junk in (b"", b"gossipfl release 1\n", encode_file(b"s", b"c")[:-1], longest + b"x"):
        with pytest.raises(Exception, match="not a file of `gossipfl release`"):
            decode_file(junk)


def test_a_file_goes_to_a_node_or_beside_us(tmp_path: Path) -> None:
    assert deliver(b"x", tmp_path / "release", None).read_bytes() == b"x"
    home = Home(tmp_path / "node")
    with pytest.raises(ConfigError, match="no node's state directory"):
        deliver(b"x", tmp_path / "release", home.path)
    home.admission.write_bytes(b"")
    assert deliver(b"y", tmp_path / "other", home.path) == home.release
    assert home.release.read_bytes() == b"y"


def test_the_commands(ok, refused, operator: Operator, tmp_path: Path) -> None:
    (tmp_path / "a.model").write_bytes(trained().encode())
    said = ok("release", "publish", "a.model", "--stages", "20%,100%")
    assert said == (
        "Release 1 in 2 stages\nWrote release; copy it to STATE/release on any one running device\n"
    )
    assert "Release 2 takes release 1 back" in ok("release", "rollback")
    assert (tmp_path / "release").read_bytes() == (operator.path / "release").read_bytes()
    assert "such as 5%,25%,100%" in refused("release", "publish", "a.model", "--stages", "x")
    assert "cannot read" in refused("release", "publish", "none.model")
    (tmp_path / "junk.model").write_bytes(b"junk")
    assert "junk.model" in refused("release", "publish", "junk.model")
    assert "one of them is released" in refused("release", "publish")
    with pytest.raises(StateError, match="no node answers"):
        cli.status.main(["--state", str(tmp_path / "n")], standalone_mode=False)


def test_settings_are_released_and_taken_back(ok, refused, operator: Operator, tmp_path) -> None:
    file = tmp_path / "slower.toml"
    file.write_text("[training]\nlearning_rate = 0.01\n")
    said = ok("release", "publish", "--settings", "slower.toml", "--stages", "20%,100%")
    assert said.startswith("Settings release 1 in 2 stages")
    first = operator.newest_release(SETTINGS)
    assert first is not None
    agreed = MANIFEST.training
    assert decode_settings(first.former, agreed) == agreed
    assert decode_settings(first.settings, agreed) == attrs.evolve(agreed, learning_rate=0.01)
    file.write_text("[training]\nlocal_steps = 9\n")
    ok("release", "publish", "--settings", "slower.toml")
    second = operator.newest_release(SETTINGS)
    assert second is not None
    assert second.former == first.settings
    assert "Release 3 takes release 2 back" in ok("release", "rollback", "--settings")
    last = operator.newest_release(SETTINGS)
    assert last is not None
    assert (last.settings, last.withdraws) == (first.settings, 2)
    assert operator.newest_release() is None
    assert "nothing was ever released" in refused("release", "rollback")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[[layers]]\nlayer = 'GRU'", "layers cannot be released: it is what the gossiped"),
        ("keep_ratio = 0.1", "keep_ratio cannot be released: it trades bytes"),
        ("[training]\noptimizer = 'adam'", "optimizer cannot be released: it has begun"),
        ("[training]\nlearning_rat = 1", "did you mean 'learning_rate'"),
        ("[trainin]\nlearning_rate = 1", "did you mean 'training'"),
        ("training = 3", r"a table \[training\] says what changes"),
        ("", r"a table \[training\] says what changes"),
    ],
)
def test_what_settings_cannot_be_released(operator: Operator, tmp_path, text, reason) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=reason):
        release_settings(operator, read_changes(file), PLAN)
    assert operator.newest_release(SETTINGS) is None


def test_what_people_see(capsys) -> None:
    stage = {
        "quorum": 2,
        "alarm": 2,
        "reports": 3,
        "worse": ["pi-1"],
        "median_change": -0.012,
        "passed": True,
    }
    release = {"number": 3, "phase": "judged", "slice": 1, "stages": [stage]}
    cli._print("release", release)
    shown = capsys.readouterr().out
    assert "release 3, judged; 1 of 1 stages passed, this node is in stage 1" in shown
    assert "pi-1" in shown
    assert "-1.2%" in shown
    cli._print("release", None)
    assert "no release" in capsys.readouterr().out
    cli._print("release", {"number": 4, "phase": "withdrawn", "withdraws": 3, "stages": []})
    assert "took 3 back" in capsys.readouterr().out
