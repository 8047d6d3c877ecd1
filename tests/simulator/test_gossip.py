"""The simulated node keeps the promises of the exchange under a bad network."""

import numpy as np
import pytest

from gossipfl.gossip.allowance import Limits
from gossipfl.simulation.chance import stream
from gossipfl.simulation.churn import OnOff
from gossipfl.simulation.gossip import Gossip
from gossipfl.wire.messages import Message, decode, encode
from tests.simulator.task import make_world, manifest

NODES = 8


def played(seconds: float = 80, **conditions: float) -> Gossip:
    model = manifest()
    world = make_world(model, NODES, "random:4", **conditions)
    OnOff(share=0.2, away_s=3).start(world.engine, world.presence, stream(1, "churn"))
    gossip = Gossip(model, 2.0, Limits())
    gossip.start(world)
    world.engine.run_until(seconds)
    return gossip


@pytest.mark.parametrize("loss", [0.0, 0.3])
def test_both_ends_of_a_link_hold_the_same_anchor(loss):
    nodes = played(loss=loss, duplication=0.2, latency_s=0.3, latency_spread=3).nodes
    compared = 0
    for number, node in enumerate(nodes):
        for other, ours in node.links.items():
            theirs = nodes[other].links[number]
            assert abs(ours.sequence - theirs.sequence) <= 1
            if ours.sequence == theirs.sequence:
                assert ours.digest == theirs.digest
                assert np.array_equal(ours.anchor, theirs.anchor)
                compared += 1
    assert compared >= NODES / 2
    assert sum(node.planted for node in nodes) == 0
    assert min(node.applied for node in nodes) > 20


def test_messages_arrive_as_their_frames_would_be_read():
    """The simulated network counts frames and hands the messages themselves over."""
    world, read = make_world(manifest(), NODES, "random:4", loss=0.2, latency_s=0.3), []
    carry = world.network.send

    def send(sender: int, receiver: int, message: Message) -> None:
        read.append(message == decode(encode(message)))
        carry(sender, receiver, message)

    world.network.send = send
    Gossip(manifest(), 2.0, Limits()).start(world)
    world.engine.run_until(20)
    assert len(read) > 100
    assert all(read)


def test_control_variates_sum_to_nothing():
    """Weighted by samples, since both ends use one gain: the correction biases nobody."""
    nodes = played(latency_s=0.0).nodes
    replicas = [node.member.replica for node in nodes]
    total = sum(replica.samples * replica.control.astype("f8") for replica in replicas)
    size = sum(replica.samples * np.abs(replica.control).astype("f8") for replica in replicas)
    assert np.abs(total).max() < 1e-3 * size.max()
