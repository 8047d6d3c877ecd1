"""Frames take their time, cost their bytes, and vanish as often as they should."""

import numpy as np
import pytest

from gossipfl.errors import ConfigError
from gossipfl.simulation.engine import Engine
from gossipfl.simulation.network import FRAME_OVERHEAD_BYTES, Conditions, Network
from gossipfl.wire.messages import Seed, encode

HEAD_BYTES = 4  # of a frame around a short payload


class Pair:
    """Two ends; what end 1 receives, and when."""

    def __init__(self, seed=0, **conditions):
        self.engine, self.seen, self.away = Engine(), [], set()
        settings = Conditions(**conditions)
        self.network = Network(self.engine, settings, 2, self.away, seed)
        self.network.attach(1, self._receive)

    def _receive(self, sender, message):
        self.seen.append((round(self.engine.now_s, 9), message.payload))

    def send(self, *payloads):
        for payload in payloads:
            self.network.send(0, 1, Seed(payload))
        self.engine.run_until(1e9)


def test_bytes_are_counted_with_what_a_link_adds():
    pair = Pair(loss=0.5)
    pair.send(*[b"x" * 30] * 10)
    assert len(encode(Seed(b"x" * 30))) == 30 + HEAD_BYTES
    assert pair.network.sent_bytes == [10 * (30 + HEAD_BYTES + FRAME_OVERHEAD_BYTES), 0]
    assert pair.network.sent_frames == [10, 0]


def test_frames_queue_for_bandwidth_and_keep_order():
    pair = Pair(latency_s=1, bandwidth=100)
    first, second = (letter * (80 - HEAD_BYTES) for letter in (b"a", b"b"))
    pair.send(first, second)
    assert pair.seen == [(2.0, first), (3.0, second)]


def test_loss_and_duplication_have_their_rates():
    pair = Pair(loss=0.2, duplication=0.1)
    pair.send(*[bytes([i % 256]) for i in range(4000)])
    assert len(pair.seen) / 4000 == pytest.approx(0.8 * 1.1, abs=0.03)


def test_nothing_reaches_an_end_that_is_away():
    pair = Pair()
    pair.away.add(1)
    pair.send(b"x")
    assert pair.seen == []
    assert pair.network.sent_frames[0] == 1


def test_each_link_has_one_latency_of_its_own():
    latencies = []
    for seed in range(40):
        pair = Pair(seed=seed, latency_s=0.1, latency_spread=4)
        pair.send(b"x", b"y")
        assert pair.seen[0][0] == pair.seen[1][0]
        latencies.append(pair.seen[0][0])
    assert 0.025 <= min(latencies) < 0.05
    assert 0.2 < max(latencies) <= 0.4
    assert np.median(latencies) == pytest.approx(0.1, rel=0.5)


@pytest.mark.parametrize(
    "wrong", [{"loss": 1.0}, {"loss": -0.1}, {"bandwidth": 0}, {"latency_s": -1}]
)
def test_conditions_are_checked(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        Conditions(**wrong)


def test_jitter_delays_up_to_its_limit_and_may_turn_frames_round():
    pair = Pair(latency_s=1.0, jitter_s=2.0)
    pair.send(*[bytes([number]) for number in range(50)])
    times = [time_s for time_s, _ in pair.seen]
    assert 1 <= min(times) < 1.5 < 2.5 < max(times) <= 3
    frames = [frame for _, frame in pair.seen]
    assert sorted(frames) != frames
