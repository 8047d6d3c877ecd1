"""Slices: everybody is in just one, alike on all machines, and none is empty."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.errors import ConfigError
from gossipfl.releases.slices import JUDGES_MAX, PLACES, place_of, plan_stages, slice_of

members = st.sets(st.binary(min_size=8, max_size=8), min_size=1, max_size=300)
salts = st.binary(min_size=8, max_size=8)
shares = st.lists(st.floats(0.01, 0.99), unique=True, max_size=5).map(lambda s: (*sorted(s), 1.0))


@given(members, salts, shares, st.floats(0.01, 1))
def test_every_member_has_a_slice(members, salt, shares, quorum) -> None:
    stages = plan_stages(members, salt, shares, quorum)
    slices = [slice_of(stages, place_of(salt, member)) for member in members]
    assert set(slices) == set(range(len(stages)))
    reached = 0
    for number, stage in enumerate(stages):
        reached += slices.count(number)
        assert any(
            reached >= share * len(members) > reached - 1 or reached == 1 for share in shares
        )
        inside = [m for m in members if slice_of(stages, place_of(salt, m)) == number]
        judges = sum(place_of(salt, m) < stage.judges for m in inside)
        assert judges == min(len(inside), JUDGES_MAX)
        assert stage.alarm <= stage.quorum <= judges
    assert stages[-1].reach == PLACES


def test_places_are_the_same_in_every_release_of_gossipfl() -> None:
    found = [place_of(b"a salt..", bytes([number] * 8)) for number in range(3)]
    assert found == [936627516, 1572750679, 3815213682]


@pytest.mark.parametrize(
    ("shares", "quorum"),
    [((), 0.5), ((0.5,), 0.5), ((0.5, 0.2, 1.0), 0.5), ((0.0, 1.0), 0.5), ((1.0,), 0.0)],
)
def test_stages_that_are_none(shares, quorum) -> None:
    with pytest.raises(ConfigError):
        plan_stages([b"x"], b"s", shares, quorum)


def test_nobody_to_release_to() -> None:
    with pytest.raises(ConfigError, match="no device is admitted"):
        plan_stages([], b"s", (1.0,), 0.5)
