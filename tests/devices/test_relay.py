"""The agent's end of a device's link: what goes out with its halves, and what a restart finds."""

import numpy as np

from gossipfl.compression import DenseCodec, SparseCodec
from gossipfl.devices.relay import Relay
from gossipfl.gossip.exchange import Exchange
from gossipfl.gossip.link import LinkState, Record
from gossipfl.gossip.replica import Replica
from gossipfl.wire.messages import Mismatch, Request, Seed

SIZE, STEP_SIZE = 60, 1.5
CODEC = SparseCodec(SIZE, ((0, 40), (40, SIZE)), 0.2)
RELAY = Relay(CODEC, DenseCodec(SIZE), STEP_SIZE)


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


def test_halves_go_one_way_each_and_the_control_variate_comes_on_top() -> None:
    rng = np.random.default_rng(1)
    replica, exchange, _ = fresh(rng)
    for _ in range(30):
        replica.parameters += rng.normal(0, 0.1, SIZE).astype(np.float32)
        replica.control += rng.normal(0, 0.01, SIZE).astype(np.float32)
        told, x, h = exchange.state.anchor.copy(), replica.parameters.copy(), replica.control.copy()
        (applied,) = exchange.receive(replica, offer(exchange, rng)).records
        ours, theirs = dense(applied.ours.payload), dense(applied.theirs.payload)
        np.testing.assert_allclose(exchange.state.anchor, told + ours, atol=1e-6)
        np.testing.assert_allclose(replica.parameters, x + theirs + STEP_SIZE * h, atol=1e-6)
        np.testing.assert_array_equal(replica.control, h)
        assert np.linalg.norm(x - exchange.state.anchor) < np.linalg.norm(x - told)


def test_steps_start_where_those_of_a_node_would() -> None:
    """From the mean of the anchors, once neighbours have been met."""
    rng = np.random.default_rng(2)
    replica, exchange, _ = fresh(rng)
    met = replica.parameters + rng.normal(size=SIZE).astype(np.float32)
    replica.meet(met)
    for _ in range(40):
        exchange.receive(replica, offer(exchange, rng))
    np.testing.assert_allclose(exchange.state.anchor, replica.average, atol=0.05)
    assert np.linalg.norm(exchange.state.anchor - replica.parameters) > 1


def test_a_restart_finds_the_link_and_its_seed() -> None:
    rng = np.random.default_rng(4)
    replica, exchange, records = fresh(rng)
    replica.control += rng.normal(0, 0.01, SIZE).astype(np.float32)
    start, control = replica.parameters.copy(), replica.control.copy()
    replay = Exchange(LinkState(RELAY.new_anchor()), RELAY, link=b"device", ours_first=True)
    replay.replay_on_link(records[0])
    assert replay.state.seed == exchange.state.seed is not None
    for _ in range(5):
        records += exchange.receive(replica, offer(exchange, rng)).records
    again = Replica(start, samples=30, step_size=1.0, activity=0.1)
    again.control[:] = control
    for record in records[1:]:
        replay.replay_on_link(record)
        replay.replay_on_replica(again, record)
    np.testing.assert_array_equal(replay.state.anchor, exchange.state.anchor)
    assert replay.state.digest == exchange.state.digest
    assert replay.state.seed is exchange.state.seed is None
    np.testing.assert_array_equal(again.parameters, replica.parameters)
