"""Seeds and clients exchange as neighbours do, with all the weight at the seed."""

import numpy as np
import pytest
from attrs import define
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.central.links import CentralLinks, Purpose, is_central, link_to, peer_of
from gossipfl.central.rules import Mean
from gossipfl.compression import SparseCodec
from gossipfl.gossip.exchange import Exchange
from gossipfl.gossip.link import LinkState
from gossipfl.gossip.replica import Replica
from gossipfl.wire.messages import Request

SIZE = 120
CODEC = SparseCodec(SIZE, ((0, 100), (100, SIZE)), keep_ratio=0.2, bits=2)
INITIAL = np.random.default_rng(5).normal(size=SIZE).astype("f4")


def replica(samples: int, learnt: float = 0.0) -> Replica:
    made = Replica(INITIAL, samples=samples, step_size=0.0, activity=0.1)
    made.parameters += np.float32(learnt)
    return made


@define(eq=False)
class Link:
    """Both ends between a client and the seed."""

    client: Replica
    scheme: CentralLinks
    ours: Exchange
    theirs: Exchange

    def offer(self, purpose: Purpose = Purpose.UPDATE) -> Request:
        """What the client sends."""
        self.scheme.purpose = purpose
        return self.ours.offer(self.client)[0]

    def meet(self, seed: Replica, purpose: Purpose = Purpose.JOIN) -> None:
        """One exchange that the client opens."""
        request = self.offer(purpose)
        answer = self.theirs.receive(seed, request).answer
        assert answer is not None
        self.ours.receive(self.client, answer)
        np.testing.assert_array_equal(self.ours.state.anchor, self.theirs.state.anchor)
        assert self.ours.state.digest == self.theirs.state.digest


def link(client: Replica, *, client_first: bool, merges: bool = True) -> Link:
    ends, schemes = [], []
    for is_seed, first in ((False, client_first), (True, not client_first)):
        scheme = CentralLinks(CODEC, INITIAL, is_seed=is_seed, merges=merges)
        schemes.append(scheme)
        state = LinkState(scheme.new_anchor())
        ends.append(Exchange(state, scheme, link=link_to(b"peer"), ours_first=first))
    return Link(client, schemes[0], *ends)


def test_central_links_have_names_of_their_own():
    assert is_central(link_to(b"k" * 32))
    assert not is_central(b"k" * 32)
    assert peer_of(link_to(b"k" * 32)) == peer_of(b"k" * 32) == b"k" * 32


@pytest.mark.parametrize("client_first", [True, False])
def test_a_newcomer_starts_from_what_the_seed_knows(client_first):
    seed, newcomer = replica(samples=1, learnt=0.5), replica(samples=10_000)
    link(newcomer, client_first=client_first).meet(seed)
    np.testing.assert_allclose(seed.parameters, INITIAL + np.float32(0.5))
    np.testing.assert_allclose(newcomer.parameters, seed.parameters, atol=0.05)
    np.testing.assert_array_equal(newcomer.start(), newcomer.average)
    np.testing.assert_allclose(newcomer.start(), seed.parameters, atol=0.05)


@pytest.mark.parametrize("client_first", [True, False])
def test_a_new_seed_starts_from_what_its_first_client_knows(client_first):
    seed, client = replica(samples=10_000), replica(samples=1, learnt=0.5)
    link(client, client_first=client_first).meet(seed)
    np.testing.assert_allclose(client.parameters, INITIAL + np.float32(0.5))
    np.testing.assert_allclose(seed.parameters, client.parameters, atol=0.05)


@pytest.mark.parametrize("client_first", [True, False])
def test_what_was_learnt_apart_is_averaged_by_samples(client_first):
    rng = np.random.default_rng(0)
    seed, client = replica(samples=300), replica(samples=100)
    seed.parameters += rng.normal(size=SIZE).astype("f4")
    client.parameters += rng.normal(size=SIZE).astype("f4")
    before = 300 * seed.parameters + 100 * client.parameters
    pair = link(client, client_first=client_first)
    pair.meet(seed)
    np.testing.assert_allclose(300 * seed.parameters + 100 * client.parameters, before, rtol=1e-5)
    client.parameters += rng.normal(size=SIZE).astype("f4")
    before = 300 * seed.parameters + 100 * client.parameters
    pair.meet(seed, Purpose.VISIT)
    np.testing.assert_allclose(300 * seed.parameters + 100 * client.parameters, before, rtol=1e-5)
    after = seed.parameters.copy()
    pair.meet(seed, Purpose.UPDATE)  # whose place is in a round
    np.testing.assert_array_equal(seed.parameters, after)


def test_where_clients_may_lie_a_first_exchange_moves_nothing_at_the_seed():
    seed, client = replica(samples=1), replica(samples=10**6, learnt=50.0)
    link(client, client_first=True, merges=False).meet(seed)
    np.testing.assert_array_equal(seed.parameters, INITIAL)


@given(st.lists(st.integers(1, 500), min_size=1, max_size=6), st.integers(0, 2**32 - 1))
def test_rounds_conserve_the_weighted_sum_with_all_that_is_withheld(samples, seed):
    """What clients have not told is in their residuals, what the seed has not told in its model."""
    rng = np.random.default_rng(seed)
    centre = replica(samples=1)
    links = [link(replica(n), client_first=bool(rng.integers(2))) for n in samples]
    total = sum(samples)
    for each in links:
        each.meet(centre)

    def held() -> np.ndarray:
        residuals = (
            n * (each.client.parameters.astype("f8") - each.ours.state.anchor)
            for n, each in zip(samples, links, strict=True)
        )
        return sum(residuals) + total * centre.parameters.astype("f8")

    expected = held()
    for _ in range(4):
        rule, requests = Mean(SIZE), []
        for n, each in zip(samples, links, strict=True):
            step = rng.normal(size=SIZE).astype("f4")
            each.client.trained(each.client.start(), each.client.start() + step, 1.0)
            expected = expected + n * step.astype("f8")
            requests.append(each.offer())
            rule.add(CODEC.decode(requests[-1].payload), n, 1.0)
        centre.parameters += rule.finish().astype("f4")
        for each, request in zip(links, requests, strict=True):
            each.ours.receive(each.client, each.theirs.receive(centre, request).answer)
        np.testing.assert_allclose(held() / total, expected / total, atol=1e-4)


def test_a_group_learns_to_agree_through_compressed_updates():
    """Each client pulls towards a point of its own: FedAvg's optimum is their weighted mean."""
    rng = np.random.default_rng(3)
    samples = [100, 200, 300]
    points = rng.normal(size=(3, SIZE)).astype("f4")
    centre, links = replica(1), [link(replica(n), client_first=True) for n in samples]
    for each in links:
        each.meet(centre)
    for round_ in range(200):
        rate = np.float32(0.3 * 0.98**round_)  # or what is withheld never calms down
        rule, requests = Mean(SIZE), []
        for n, point, each in zip(samples, points, links, strict=True):
            start = each.client.start().copy()
            each.client.trained(start, start + rate * (point - start), 1.0)
            requests.append(each.offer())
            rule.add(CODEC.decode(requests[-1].payload), n, 1.0)
        centre.parameters += rule.finish().astype("f4")
        for each, request in zip(links, requests, strict=True):
            each.ours.receive(each.client, each.theirs.receive(centre, request).answer)
            each.client.end_round()
    np.testing.assert_allclose(
        centre.parameters, np.average(points, axis=0, weights=samples), atol=0.05
    )
