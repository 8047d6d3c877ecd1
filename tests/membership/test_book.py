"""When peers that do not answer are dialled again."""

from itertools import pairwise

import numpy as np
import pytest

from gossipfl.membership.book import BACKOFF_MAX_S, AddressBook


def dials(fixed: bool, until_s: float) -> list[float]:
    """Times of the dials to a peer that never answers."""
    book = AddressBook(
        np.random.default_rng(0),
        8,
        is_linked=lambda instance, addresses: False,
        wants=lambda instance: True,
        changed=lambda: None,
    )
    book.note("peer", ("192.0.2.1:7411",), now_s=0.0, wait_s=0.0, fixed=fixed)
    times = []
    while (now_s := book.due_s()) < until_s:
        times.append(now_s)
        book.note_tried("peer", now_s)
        book.note_dialled("peer")
    return times


def test_a_peer_that_starts_late_is_met_soon_after_if_the_user_named_it() -> None:
    times = dials(fixed=True, until_s=300.0)
    assert all(later - earlier <= 0.5 + earlier for earlier, later in pairwise(times))
    assert len(times) <= 24


@pytest.mark.parametrize("fixed", [True, False])
def test_waits_grow_to_their_longest_and_no_further(fixed: bool) -> None:
    times = dials(fixed, until_s=50 * BACKOFF_MAX_S)
    waits = [later - earlier for earlier, later in pairwise(times)]
    assert all(0.75 * BACKOFF_MAX_S <= wait <= 1.25 * BACKOFF_MAX_S for wait in waits[-20:])
    assert waits[0] < waits[3] < waits[6]


def test_one_that_others_told_of_is_left_alone_sooner() -> None:
    assert len(dials(fixed=False, until_s=60.0)) < len(dials(fixed=True, until_s=60.0))
