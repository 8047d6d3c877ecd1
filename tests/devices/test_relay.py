"""The agent's end of a device's link: what goes out with its halves, and what a restart finds."""

import numpy as np
import pytest

from gossipfl.compression import DenseCodec, SparseCodec
from gossipfl.devices.relay import Relay
from gossipfl.gossip.exchange import Exchange
from gossipfl.gossip.link import LinkState, Record
from gossipfl.gossip.replica import Replica
from gossipfl.wire.messages import Mismatch, Request, Seed

SIZE = 60
CODEC = SparseCodec(SIZE, ((0, 40), (40, SIZE)), 0.2)
RELAY = Relay(CODEC, DenseCodec(SIZE))


def fresh(rng: np.random.Generator) -> tuple[Replica, Exchange, list[Record]]:
    """An agent whose link has just been seeded."""
    start = rng.normal(size=SIZE).astype(np.float32)
    replica = Replica(start, samples=30, step_size=1.0, activity=0.1)
    exchange = Exchange(LinkState(RELAY.new_anchor()), RELAY, link=b"device", ours_first=True)
    outcome = exchange.receive(replica, Mismatch(0, b"\xff" * 8))
    assert isinstance(outcome.answer, Seed)
    return replica, exchange, list(outcome.records)


def offer(exchange: Exchange, rng: np.random.Generator) -> Request:
    """What a device might say next."""
    state = exchange.state
    payload = CODEC.encode(rng.normal(0, 0.1, SIZE).astype(np.float32))
    return Request(state.sequence + 1, state.digest[:2], 0, 25, payload)


def dense(payload: bytes) -> np.ndarray:
    delta, vector = CODEC.decode(payload), np.zeros(SIZE, np.float32)
    vector[delta.indices] = delta.values
    return vector


def test_what_is_owed_goes_out_with_what_is_told() -> None:
    rng = np.random.default_rng(1)
    replica, exchange, _ = fresh(rng)
    for _ in range(30):
        moved = rng.normal(0, 0.1, SIZE).astype(np.float32)
        replica.parameters += moved
        replica.control += np.float32(0.04) * moved
        told, owed = exchange.state.anchor.copy(), replica.control.copy()
        outcome = exchange.receive(replica, offer(exchange, rng))
        (applied,) = outcome.records
        ours, theirs = dense(applied.ours.payload), dense(applied.theirs.payload)
        gain = RELAY.mix(applied, RELAY.read(applied.theirs.payload), True).activity
        np.testing.assert_allclose(exchange.state.anchor, told + ours + theirs, atol=1e-5)
        np.testing.assert_allclose(replica.control, owed - gain * ours, atol=1e-6)
        assert np.linalg.norm(replica.control) < np.linalg.norm(owed)


@pytest.mark.parametrize("owed", [0.0, -0.04])
def test_a_gain_that_would_be_none_or_negative_is_left_out(owed: float) -> None:
    rng = np.random.default_rng(2)
    replica, exchange, _ = fresh(rng)
    moved = rng.normal(0, 0.1, SIZE).astype(np.float32)
    replica.parameters += moved
    replica.control += np.float32(owed) * moved
    before = replica.control.copy()
    (applied,) = exchange.receive(replica, offer(exchange, rng)).records
    assert applied.ours.activity == 0
    np.testing.assert_array_equal(replica.control, before)


def test_nothing_to_tell() -> None:
    rng = np.random.default_rng(3)
    replica, exchange, _ = fresh(rng)
    (applied,) = exchange.receive(replica, offer(exchange, rng)).records
    assert applied.ours.activity == 0


def test_a_restart_finds_the_link_and_its_seed() -> None:
    rng = np.random.default_rng(4)
    replica, exchange, records = fresh(rng)
    start = replica.parameters.copy()
    replay = Exchange(LinkState(RELAY.new_anchor()), RELAY, link=b"device", ours_first=True)
    replay.replay_on_link(records[0])
    assert replay.state.seed == exchange.state.seed is not None
    for _ in range(5):
        records += exchange.receive(replica, offer(exchange, rng)).records
    again = Replica(start, samples=30, step_size=1.0, activity=0.1)
    for record in records[1:]:
        replay.replay_on_link(record)
        replay.replay_on_replica(again, record)
    np.testing.assert_array_equal(replay.state.anchor, exchange.state.anchor)
    assert replay.state.digest == exchange.state.digest
    assert replay.state.seed is exchange.state.seed is None
    np.testing.assert_array_equal(again.parameters, replica.parameters)
