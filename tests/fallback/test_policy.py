"""A node turns to a seed when neighbours are missing, returns when they stay, never flaps."""

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.fallback.policy import (
    PATIENCE_MAX,
    FallbackPolicy,
    FallbackSettings,
    Mode,
    Sight,
    Switch,
)

SETTINGS = FallbackSettings(below=2, after_s=10.0, return_s=20.0)
FED = Sight(living=3, others=9, stalled=False, has_seed=True)
STARVED = evolve(FED, living=1)
LEFT = evolve(STARVED, has_seed=False)
STALLED = evolve(FED, stalled=True)
SILENT = evolve(FED, silent_s=13.0)
STEP_S = 1.0


def play(policy: FallbackPolicy, *phases: tuple[Sight, int]) -> list[tuple[float, Switch]]:
    """Each sight for so many seconds; what was switched, and when."""
    found, now_s = [], 0.0
    for sight, seconds in phases:
        for _ in range(seconds):
            switch = policy.see(sight, now_s)
            if switch is not None:
                found.append((now_s, switch))
            now_s += STEP_S
    return found


CASES = {
    "enough neighbours": ([(FED, 100)], []),
    "too few for a moment": ([(FED, 5), (STARVED, 9), (FED, 50)], []),
    "too few": ([(FED, 5), (STARVED, 30)], [(15, Mode.CENTRAL)]),
    "too few, no seed": ([(LEFT, 30)], [(10, Mode.ALONE)]),
    "a seed comes": ([(LEFT, 30), (STARVED, 30)], [(10, Mode.ALONE), (30, Mode.CENTRAL)]),
    "the seed goes": ([(STARVED, 30), (LEFT, 30)], [(10, Mode.CENTRAL), (40, Mode.ALONE)]),
    "the seed blinks": ([(STARVED, 30), (LEFT, 9), (STARVED, 30)], [(10, Mode.CENTRAL)]),
    "neighbours return": ([(STARVED, 30), (FED, 50)], [(10, Mode.CENTRAL), (50, Mode.GOSSIP)]),
    "they blink": ([(STARVED, 20), (FED, 19), (STARVED, 5), (FED, 19)], [(10, Mode.CENTRAL)]),
    "none answers": ([(STALLED, 50)], [(20, Mode.CENTRAL)]),
    "none says a word": ([(FED, 5), (SILENT, 30)], [(15, Mode.CENTRAL)]),
    "they fall silent and speak": ([(SILENT, 9), (FED, 9)] * 3, []),
    "one answers at times": ([(STALLED, 15), (FED, 1)] * 4, []),
    "the cluster has no more": ([(evolve(FED, living=1, others=1), 100)], []),
    "nobody is known": ([(evolve(FED, living=0, others=0), 30)], [(10, Mode.CENTRAL)]),
}


@pytest.mark.parametrize("name", CASES)
def test_table(name):
    phases, expected = CASES[name]
    assert [(s, switch.mode) for s, switch in play(FallbackPolicy(SETTINGS), *phases)] == expected


def test_every_switch_says_why():
    switches = play(FallbackPolicy(SETTINGS), (STARVED, 20), (FED, 60), (STALLED, 60), (LEFT, 60))
    reasons = [switch.reason for _, switch in switches]
    assert reasons == [
        "1 neighbours, 2 are wanted, for 10.0 s",
        "3 neighbours for 20.0 s",
        "3 neighbours, none answers, for 20.0 s",
        "no seed for 10.0 s",
    ]


def test_after_a_long_calm_a_fallback_is_forgiven():
    policy = FallbackPolicy(SETTINGS)
    play(policy, (STARVED, 20), (FED, 1000), (STARVED, 20))
    assert policy.mode is Mode.CENTRAL
    (returned,) = play(policy, (FED, 21))
    assert returned[1].mode is Mode.GOSSIP


sights = st.builds(
    Sight,
    living=st.integers(0, 4),
    others=st.integers(0, 9),
    stalled=st.booleans(),
    has_seed=st.booleans(),
)


@given(st.lists(st.tuples(sights, st.integers(1, 60)), max_size=60))
def test_it_never_flaps(phases):
    """Whatever it sees, neighbours are left and taken again no faster than settings allow."""
    settings, last_s = SETTINGS, None
    mode = Mode.GOSSIP
    for now_s, switch in play(FallbackPolicy(settings), *phases):
        assert switch.mode is not mode
        if Mode.GOSSIP in (mode, switch.mode):
            least_s = settings.after_s if mode is Mode.GOSSIP else settings.return_s
            assert last_s is None or now_s - last_s >= least_s
            last_s = now_s
        mode = switch.mode


def test_who_falls_back_again_and_again_returns_ever_more_slowly():
    """Neighbours that come for 50 s and go for 11: once they must stay for 80, it is over."""
    switches = play(FallbackPolicy(SETTINGS), *[(FED, 50), (STARVED, 11)] * 40)
    there_and_back = [Mode.CENTRAL, Mode.GOSSIP]
    assert [switch.mode for _, switch in switches] == [*there_and_back * 2, Mode.CENTRAL]


def test_patience_has_an_end():
    policy = FallbackPolicy(SETTINGS)
    play(policy, *[(FED, int(PATIENCE_MAX * SETTINGS.return_s)), (STARVED, 11)] * 10)
    assert policy.mode is Mode.CENTRAL
    (returned,) = play(policy, (FED, int(PATIENCE_MAX * SETTINGS.return_s) + 1))
    assert returned[1].mode is Mode.GOSSIP
