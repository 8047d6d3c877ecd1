"""What links are like after a script's events."""

from itertools import permutations
from typing import Final

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.faults.links import CLEAR, Cut, Heal, Loss, OnLinks, Slow
from gossipfl.faults.paths import Paths

NODES: Final = 5


def cut_pairs(*events: OnLinks) -> set[tuple[int, int]]:
    paths = Paths()
    for event in events:
        paths.apply(event)
    return {way for way in permutations(range(NODES), 2) if paths.between(*way).cut}


def both(*pairs: tuple[int, int]) -> set[tuple[int, int]]:
    return {*pairs, *(pair[::-1] for pair in pairs)}


@pytest.mark.parametrize(
    ("event", "pairs"),
    [
        (Cut(at_s=0, groups=((0, 1), (2, 3))), both((0, 2), (0, 3), (1, 2), (1, 3))),
        (Cut(at_s=0, links=((0, 1), (3, 2))), both((0, 1), (2, 3))),
        (Cut(at_s=0, nodes=(4,)), both((0, 4), (1, 4), (2, 4), (3, 4))),
    ],
)
def test_cuts_go_both_ways_and_no_further(event: Cut, pairs: set[tuple[int, int]]) -> None:
    assert cut_pairs(event) == pairs


def test_healing_some_links_leaves_the_others() -> None:
    halves = Cut(at_s=0, groups=((0, 1), (2, 3)))
    assert cut_pairs(halves, Heal(at_s=1, nodes=(0,))) == both((1, 2), (1, 3))
    assert cut_pairs(halves, Heal(at_s=1)) == set()


def test_effects_add_up_and_the_newest_of_a_kind_counts() -> None:
    paths = Paths()
    assert paths.between(0, 1) == CLEAR
    paths.apply(Slow(at_s=0, delay_s=0.5, bytes_per_s=100))
    paths.apply(Loss(at_s=1, share=0.3, nodes=(1,)))
    paths.apply(Cut(at_s=2, links=((0, 1),)))
    paths.apply(Slow(at_s=3, jitter_s=0.1, nodes=(0,)))
    assert paths.between(1, 0) == attrs.evolve(CLEAR, cut=True, loss=0.3, jitter_s=0.1)
    assert paths.between(2, 3) == attrs.evolve(CLEAR, delay_s=0.5, bytes_per_s=100)
    paths.apply(Heal(at_s=4))
    assert {paths.between(*way) for way in permutations(range(NODES), 2)} == {CLEAR}


NODE = st.integers(0, NODES - 1)
EVENTS = st.one_of(
    st.builds(Loss, at_s=st.just(0), share=st.sampled_from([0.1, 0.2]), nodes=st.tuples(NODE)),
    st.builds(Cut, at_s=st.just(0), nodes=st.tuples(NODE)),
    st.builds(Heal, at_s=st.just(0), nodes=st.one_of(st.just(()), st.tuples(NODE))),
)


@given(st.lists(EVENTS, max_size=8))
def test_what_is_remembered_is_what_would_be_worked_out(events: list[OnLinks]) -> None:
    """Asking in between never changes an answer, and both directions are alike."""
    asked, fresh = Paths(), Paths()
    for event in events:
        asked.apply(event)
        [asked.between(*way) for way in permutations(range(NODES), 2)]
        fresh.apply(event)
    for one, other in permutations(range(NODES), 2):
        assert asked.between(one, other) == fresh.between(one, other) == fresh.between(other, one)
