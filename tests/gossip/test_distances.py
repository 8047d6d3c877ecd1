"""Whose model stands far off, and that no more than a fifth are ever left out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.compression.delta import Delta
from gossipfl.gossip.caution import Caution
from gossipfl.gossip.distances import MEMORY, SLACK, Distances
from gossipfl.gossip.pulls import LINKS_MAX
from tests.gossip.pair import SIZE, End, make_pair


def known(*means: float) -> Distances:
    distances = Distances()
    for number, mean in enumerate(means):
        distances.note(bytes([number]), mean)
    return distances


def left_out(distances: Distances) -> list[int]:
    return [link[0] for link in distances.means if distances.is_outlier(link)]


@pytest.mark.parametrize(
    ("means", "expected"),
    [
        ((), []),
        ((1.0, 1.0, 9.0), []),  # too few to know what is usual
        ((1.0, 1.0, 1.0, 9.0), [3]),
        ((1.0, 1.0, 1.0, 1.0, 1.0), []),
        ((1.0, 1.0, 1.0, 1.0, 1.19), []),
        ((1.0, 1.0, 1.0, 1.0, 1.21), [4]),
        ((1.0, 1.0, 1.0, 8.0, 9.0), [4]),  # a fifth, and no more
        ((1.0, 1.0, 1.0, 1.0, 8.0, 9.0), [4, 5]),  # or what comes to one link more
        ((0.0, 0.0, 0.0, 0.0), []),
    ],
)
def test_the_farthest_are_left_out_where_they_stand_out(means, expected):
    assert left_out(known(*means)) == expected


@given(st.lists(st.floats(0, 1e6), min_size=4, max_size=LINKS_MAX, unique=True))
def test_never_more_than_a_fifth(means):
    distances = known(*means)
    outside = left_out(distances)
    assert len(outside) <= np.ceil(len(means) / 5)
    assert all(means[link] > SLACK * np.quantile(means, 1 / 3) for link in outside)


def test_a_link_that_was_never_used_is_no_outlier():
    assert not known(1.0, 1.0, 1.0, 9.0).is_outlier(b"new")


def test_newer_distances_count_for_more():
    distances = known(4.0)
    distances.note(b"\0", 8.0)
    assert distances.means == {b"\0": 4 * MEMORY + 8 * (1 - MEMORY)}


def test_links_that_were_used_last_are_kept():
    distances = known(*range(LINKS_MAX))
    distances.note(b"\0", 1.0)
    distances.note(b"new", 1.0)
    assert len(distances.means) == LINKS_MAX
    assert b"\1" not in distances.means
    assert list(distances.means)[-2:] == [b"\0", b"new"]


def exchange_once(first: End, second: End) -> float:
    """How far the second end's model, as far as the first can know it, is from the first's."""
    rng = np.random.default_rng(3)
    for end in (first, second):
        end.train(rng)
    model, guess = first.replica.parameters.copy(), first.exchange.state.anchor.copy()
    answer = second.take(first.open_or_repeat())
    assert answer is not None
    first.take(answer)
    last = first.exchange.state.last
    assert last is not None
    theirs = first.scheme.read(last.theirs.payload)
    guess[theirs.indices] += theirs.values
    return float(np.linalg.norm(model - guess))


def test_a_neighbour_is_where_the_anchor_is_plus_what_it_just_sent():
    first, second = make_pair("anchored", caution=True)
    caution = first.replica.caution
    assert caution is not None
    found = exchange_once(first, second)
    assert caution.distances.means == pytest.approx({b"peer": found})
    newer = exchange_once(first, second)
    assert caution.distances.means == pytest.approx({b"peer": (found + newer) / 2})
    assert newer != pytest.approx(found)


def test_replaying_a_journal_measures_nothing():
    """Where the anchor was then is not known; the next exchange tells."""
    first, second = make_pair("anchored", caution=True)
    exchange_once(first, second)
    first.crash_and_restart()
    assert first.replica.caution is not None
    assert first.replica.caution.distances.means == {}


def test_a_link_that_stands_far_off_is_granted_nothing():
    caution = Caution(SIZE, 7)
    half = Delta(np.arange(4, dtype="i4"), np.ones(4, "f4"), SIZE)
    for number, distance in enumerate([1.0, 1.0, 1.0, 9.0]):
        link = bytes([number])
        caution.weigh(link, half, half, 0.5)
        caution.distances.note(link, distance)
    shares = [caution.share(bytes([number])) for number in range(4)]
    assert shares == [1, 1, 1, 0]
    assert caution.weigh(b"\3", half, half, 0.5) == (0, 0)
    assert caution.weigh(b"\2", half, half, 0.5) == (0.5, 0.5)
