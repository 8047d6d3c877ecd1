"""Sketches tell who pulls one way, whatever the coordinates."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.gossip.pulls import FEW_LINKS, LINKS_MAX, SHARE_OF_FEW, SKETCH, Pulls

SIZE = 500
LINKS = [bytes([link]) for link in range(8)]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def pull(pulls: Pulls, link: bytes, vector: np.ndarray) -> None:
    pulls.note(link, np.arange(len(vector), dtype="i4"), vector.astype("f4"))


def busy(rng: np.random.Generator, pulling: dict[bytes, float]) -> Pulls:
    """Eight links that push to and fro, some of which also pull one way."""
    pulls = Pulls(SIZE, seed=4)
    way = rng.normal(size=SIZE)
    for _ in range(60):
        for link in LINKS:
            pull(pulls, link, rng.normal(size=SIZE) + pulling.get(link, 0.0) * way)
    return pulls


@given(st.integers(0, 2**32 - 1), st.floats(-2, 2))
def test_sketches_add_up(seed, factor):
    """Linear, so that a pull and its opposite leave nothing."""
    rng = np.random.default_rng(seed)
    one, other = rng.normal(size=(2, SIZE)).astype("f4")
    together, apart = Pulls(SIZE, seed), Pulls(SIZE, seed)
    pull(together, b"a", one + np.float32(factor) * other)
    pull(apart, b"a", one)
    pull(apart, b"b", other)
    expected = apart.sketches[b"a"] + np.float32(factor) * apart.sketches[b"b"]
    np.testing.assert_allclose(together.sketches[b"a"], expected, atol=1e-3)


def test_a_sketch_is_as_long_as_what_it_stands_for():
    lengths = []
    for seed in range(50):
        vector = np.random.default_rng(seed).normal(size=SIZE)
        pulls = Pulls(SIZE, seed)
        pull(pulls, b"a", vector / np.linalg.norm(vector))
        lengths.append(np.linalg.norm(pulls.sketches[b"a"]))
    assert np.mean(lengths) == pytest.approx(1, rel=0.05)
    assert np.max(np.abs(np.array(lengths) - 1)) < 0.4


def test_repeated_indices_add_up():
    twice, once = Pulls(SIZE, 1), Pulls(SIZE, 1)
    twice.note(b"a", np.array([3, 3], "i4"), np.array([1, 2], "f4"))
    once.note(b"a", np.array([3], "i4"), np.array([3], "f4"))
    np.testing.assert_array_equal(twice.sketches[b"a"], once.sketches[b"a"])


def test_who_pulls_one_way_is_granted_nothing_and_the_others_all(rng):
    pulls = busy(rng, dict.fromkeys(LINKS[:2], 1.0))
    assert [pulls.share(link) for link in LINKS] == [0.0] * 2 + [1.0] * 6


def test_half_of_a_view_may_pull(rng):
    pulls = busy(rng, dict.fromkeys(LINKS[:4], 1.0))
    assert [pulls.share(link) for link in LINKS] == [0.0] * 4 + [1.0] * 4


def test_a_link_is_forgiven_when_it_stops(rng):
    pulls = busy(rng, {LINKS[0]: 1.0})
    for _ in range(80):
        for link in LINKS:
            pull(pulls, link, rng.normal(size=SIZE))
    assert pulls.share(LINKS[0]) == 1.0


def test_the_share_falls_with_the_pull_and_is_never_tiny():
    pulls = Pulls(SIZE, 2)
    for link in LINKS[:6]:
        pulls.sketches[link] = np.eye(1, SKETCH, dtype="f4")[0]
    shares = []
    for length in np.linspace(0, 4, 81):
        pulls.sketches[b"x"] = np.float32(length) * np.eye(1, SKETCH, dtype="f4")[0]
        shares.append(pulls.share(b"x"))
    assert shares == sorted(shares, reverse=True)
    assert shares[0] == 1.0
    assert shares[-1] == 0.0
    assert not [share for share in shares if 0 < share < 0.3]
    assert any(0.3 <= share < 1 for share in shares)


def test_few_links_are_trusted_little():
    pulls = Pulls(SIZE, 2)
    for link in LINKS[: FEW_LINKS - 1]:
        pull(pulls, link, np.ones(SIZE))
    assert pulls.share(LINKS[0]) == SHARE_OF_FEW
    pull(pulls, LINKS[FEW_LINKS], np.ones(SIZE))
    assert pulls.share(LINKS[0]) == pulls.share(b"never seen") == 1.0


def test_links_are_remembered_by_use_and_no_more_than_a_node_keeps():
    pulls = Pulls(SIZE, 2)
    for link in range(LINKS_MAX):
        pull(pulls, bytes([link]), np.ones(SIZE))
    pull(pulls, bytes([0]), np.ones(SIZE))
    pull(pulls, b"new", np.ones(SIZE))
    assert len(pulls.sketches) == LINKS_MAX
    assert bytes([0]) in pulls.sketches
    assert bytes([1]) not in pulls.sketches
