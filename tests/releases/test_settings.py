"""Settings in releases: what may change, how it is written, and what is refused."""

import attrs
import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.errors import ConfigError, Untrusted
from gossipfl.learning.settings import TrainingSettings
from gossipfl.membership.records import id_of
from gossipfl.releases.publishing import Plan, compose_settings
from gossipfl.releases.release import Release, open_release, sign_release
from gossipfl.releases.reports import Finding
from gossipfl.releases.rollout import Rollout
from gossipfl.releases.settings import (
    CHANGEABLE,
    REASONS,
    SettingsBounds,
    change_settings,
    decode_settings,
    encode_settings,
)
from gossipfl.wire.releases import MODEL, RELEASE_MAX, SETTINGS
from tests.releases.members import MANIFEST_ID, SALT, Cluster

CLUSTER = Cluster(10)
AGREED = TrainingSettings(momentum=0.9)
NEW = attrs.evolve(AGREED, learning_rate=0.01, local_steps=9, schedule="cosine:1000")
BOUNDS = SettingsBounds(MANIFEST_ID, AGREED)
PLAN = Plan(stages=(0.3, 1.0), quorum=1.0, judge_s=10)


def release(number: int = 1, settings: TrainingSettings = NEW) -> Release:
    members = [each.id for each in CLUSTER.scribes]
    both = encode_settings(settings), encode_settings(AGREED)
    made, content = compose_settings(number, MANIFEST_ID, *both, members, SALT, PLAN)
    assert content == b""
    return made


def rollout_with(made: Release) -> Rollout[TrainingSettings]:
    rollout = Rollout(id_of(CLUSTER.scribes[0].key.public), BOUNDS)
    assert rollout.take(sign_release(CLUSTER.authority, made), made)
    return rollout


def hear(rollout: Rollout[TrainingSettings], *, worse: bool) -> None:
    """From all whom it may concern."""
    assert rollout.release is not None
    for scribe in CLUSTER.scribes:
        for stage in range(len(rollout.release.stages)):
            finding = Finding(rollout.release.id, stage, worse, 0)
            try:
                rollout.ledger.add(CLUSTER.read_report(scribe.sign(finding)))
            except Untrusted:  # no judge of this stage
                continue


def test_a_release_of_settings_is_short_and_comes_back() -> None:
    made = release()
    signed = sign_release(CLUSTER.authority, made)
    assert len(signed) < RELEASE_MAX / 2
    assert open_release(signed, CLUSTER.authority.public) == made
    assert decode_settings(made.settings, AGREED) == NEW
    assert decode_settings(made.former, AGREED) == AGREED


@pytest.mark.parametrize("name", REASONS)
def test_what_cannot_be_released_says_why(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} cannot be released: it "):
        change_settings(AGREED, {name: 1})


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"lerning_rate": 1}, "did you mean 'learning_rate'"),
        ({"learning_rate": 0.0}, "above 0"),
        ({"learning_rate": "fast"}, "learning_rate"),
        ({"schedule": "never:1"}, "schedule"),
        ({"schedule": 5}, "schedule is"),
        ({"momentum": 0.0}, "remembers"),
    ],
)
def test_changes_that_are_none(changes: dict[str, object], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        change_settings(AGREED, changes)


PLAIN = st.integers(-(2**40), 2**40) | st.floats() | st.booleans() | st.text(max_size=20)
BODIES = st.lists(PLAIN, min_size=len(CHANGEABLE) - 1, max_size=len(CHANGEABLE) + 1)


@given(st.binary(max_size=60) | BODIES.map(msgpack.packb))
def test_only_settings_are_read(body: bytes) -> None:
    try:
        found = decode_settings(body, AGREED)
    except Untrusted:
        return
    assert decode_settings(encode_settings(found), AGREED) == found


def test_what_is_in_force_follows_from_what_is_known() -> None:
    rollout = Rollout(id_of(CLUSTER.scribes[0].key.public), BOUNDS)
    assert BOUNDS.in_force(rollout) == AGREED
    rollout = rollout_with(release())
    assert BOUNDS.in_force(rollout) == AGREED
    hear(rollout, worse=False)
    assert rollout.step(0.0) == "adopt"
    assert BOUNDS.in_force(rollout) == AGREED
    rollout.note_done("adopt")
    assert BOUNDS.in_force(rollout) == NEW
    hear(rollout, worse=True)  # late, but they count
    assert rollout.phase == "rolled-back"
    assert BOUNDS.in_force(rollout) == AGREED


def test_a_judge_goes_on_trying_until_it_is_time() -> None:
    made = release()
    steps = set()
    for scribe in CLUSTER.scribes:
        rollout = Rollout(scribe.id, BOUNDS)
        rollout.take(sign_release(CLUSTER.authority, made), made)
        if rollout.phase == "trying":
            steps.add((rollout.step(5.0), rollout.step(14.9), rollout.step(15.0)))
    assert steps == {("try", "try", "judge")}


@pytest.mark.parametrize(
    "change",
    [
        {"subject": MODEL},
        {"settings": b""},
        {"former": b""},
        {"size": 4, "parts": (bytes(16),)},
        {"stages": ()},
    ],
)
def test_releases_of_settings_that_are_none(change: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        attrs.evolve(release(), **change)


def test_settings_that_are_none_are_not_taken() -> None:
    made = attrs.evolve(release(), settings=b"junk")
    with pytest.raises(Untrusted, match="settings of a release"):
        rollout_with(made)
    with pytest.raises(Untrusted, match="something else"):
        rollout_with(CLUSTER.release()[0])
    assert release().subject == SETTINGS
