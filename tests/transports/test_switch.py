"""The switch: who gets a frame, when, and what the links between do to it."""

from typing import Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.faults.links import Cut, Heal, Loss, Mute, OnLinks, Slow
from gossipfl.transports.switch import HEADER_BYTES, IN_FLIGHT_MAX, QUEUE_MAX_S, Switch

PORTS: Final = 4
BROADCAST: Final = b"\xff" * 6
MDNS: Final = bytes.fromhex("01005e0000fb")


def address(port: int) -> bytes:
    return bytes([2, 0, 0, 0, 0, port])


def frame(sender: int, receiver: bytes, payload: bytes = b"") -> bytes:
    return receiver + address(sender) + b"\x08\x00" + payload


def switch(*events: OnLinks, seed: int = 0) -> Switch:
    """One that has heard of all addresses before this happened to it."""
    found = Switch(PORTS, np.random.default_rng(seed))
    for port in range(PORTS):
        found.take(port, frame(port, BROADCAST), 0.0)
    list(found.due(0.0))
    for event in events:
        found.paths.apply(event)
    return found


@pytest.mark.parametrize("receiver", [BROADCAST, MDNS, address(99)])
def test_everybody_hears_what_is_for_all_or_for_a_stranger(receiver: bytes) -> None:
    sent, lan = frame(0, receiver), switch()
    lan.take(0, sent, 5.0)
    assert list(lan.due(5.0)) == [(1, sent), (2, sent), (3, sent)]


def test_an_address_that_was_heard_of_is_where_it_was_heard_last() -> None:
    lan = switch()
    lan.take(0, frame(0, address(2)), 0.0)
    assert [port for port, _ in lan.due(0.0)] == [2]
    lan.take(3, frame(2, BROADCAST), 0.0)  # it moved
    list(lan.due(0.0))
    lan.take(0, frame(0, address(2)), 0.0)
    assert [port for port, _ in lan.due(0.0)] == [3]


def test_a_frame_never_goes_back_to_where_it_came_from() -> None:
    lan = switch()
    lan.take(1, frame(1, address(1)), 0.0)
    assert list(lan.due(9.0)) == []


def test_a_cut_is_between_two_sides_and_ends() -> None:
    lan = switch(Cut(at_s=0, groups=((0, 1), (2, 3))))
    lan.take(0, frame(0, BROADCAST), 0.0)
    assert [port for port, _ in lan.due(0.0)] == [1]
    assert lan.lost == 2
    lan.paths.apply(Heal(at_s=1))
    lan.take(0, frame(0, BROADCAST), 0.0)
    assert [port for port, _ in lan.due(0.0)] == [1, 2, 3]


def test_mute_links_lose_multicast_and_nothing_else() -> None:
    lan = switch(Mute(at_s=0, nodes=(1,)))
    lan.take(0, frame(0, MDNS), 0.0)
    assert [port for port, _ in lan.due(0.0)] == [2, 3]
    lan.take(0, frame(0, BROADCAST), 0.0)
    assert [port for port, _ in lan.due(0.0)] == [1, 2, 3]
    lan.take(0, frame(0, address(1)), 0.0)
    assert [port for port, _ in lan.due(0.0)] == [1]
    lan.paths.apply(Heal(at_s=1))
    lan.take(0, frame(0, MDNS), 1.0)
    assert [port for port, _ in lan.due(1.0)] == [1, 2, 3]


def test_delay_jitter_and_rate_say_when_a_frame_arrives() -> None:
    lan = switch(Slow(at_s=0, delay_s=0.5, bytes_per_s=100))
    one = frame(0, address(1), bytes(100 - HEADER_BYTES))
    lan.take(0, one, 10.0)
    lan.take(0, one, 10.0)
    lan.take(2, frame(2, address(1), bytes(50 - HEADER_BYTES)), 10.0)  # a way of its own
    arrivals = []
    while lan.next_s is not None:
        arrivals.append(lan.next_s)
        assert len(list(lan.due(lan.next_s))) == 1
    assert arrivals == [11.0, 11.5, 12.5]


def test_jitter_stays_within_its_bounds() -> None:
    lan = switch(Slow(at_s=0, delay_s=0.1, jitter_s=0.2))
    arrivals = []
    for _ in range(200):
        lan.take(0, frame(0, address(1)), 0.0)
        assert lan.next_s is not None
        arrivals.append(lan.next_s)
        list(lan.due(1.0))
    assert 0.1 <= min(arrivals) < 0.12
    assert 0.28 < max(arrivals) <= 0.3


def test_a_full_queue_loses_frames() -> None:
    lan = switch(Slow(at_s=0, bytes_per_s=100))
    for _ in range(10):
        lan.take(0, frame(0, address(1), bytes(100 - HEADER_BYTES)), 0.0)
    got = list(lan.due(1e3))
    assert len(got) == QUEUE_MAX_S + 1
    assert lan.lost == 10 - len(got)


def test_loss_is_as_often_as_it_should_be_and_repeatable() -> None:
    def count(seed: int) -> list[bool]:
        lan = switch(Loss(at_s=0, share=0.2, links=((0, 1),)), seed=seed)
        got = []
        for _ in range(2000):
            lan.take(0, frame(0, address(1)), 0.0)
            got.append(bool(list(lan.due(0.0))))
        return got

    assert count(1) == count(1) != count(2)
    assert 350 <= count(1).count(False) <= 450


def test_what_is_in_flight_is_bounded() -> None:
    lan = switch(Slow(at_s=0, delay_s=3600))
    for _ in range(IN_FLIGHT_MAX + 10):
        lan.take(0, frame(0, address(1)), 0.0)
    assert lan.lost == 10


@given(st.lists(st.tuples(st.integers(0, PORTS - 1), st.binary(max_size=40)), max_size=30))
def test_any_bytes_may_come(frames: list[tuple[int, bytes]]) -> None:
    """Each that is a frame at all leaves by ports that are not its own."""
    lan = Switch(PORTS, np.random.default_rng(0))
    for now_s, (port, sent) in enumerate(frames):
        lan.take(port, sent, float(now_s))
        for other, got in lan.due(float(now_s)):
            assert other != port
            assert got == sent
            assert len(sent) >= HEADER_BYTES
    assert lan.next_s is None
