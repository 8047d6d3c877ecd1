"""Releases, reports and models reach every node, and only what the right hands signed."""

from collections import deque
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gossipfl.errors import RemoteProtocolError, Untrusted
from gossipfl.membership.effects import Send
from gossipfl.releases.bounds import ModelBounds
from gossipfl.releases.bulletin import (
    APART_MAX_S,
    COPIES_MAX,
    REFUSALS_MAX,
    Bulletin,
    Effect,
    Refused,
)
from gossipfl.releases.release import KIND, open_release, sign_release
from gossipfl.releases.reports import Finding
from gossipfl.releases.rollout import Rollout
from gossipfl.releases.slices import place_of, slice_of
from gossipfl.security.authority import Authority
from gossipfl.wire.messages import decode, encode
from gossipfl.wire.releases import KnownRelease, PartsWanted, ReleasePart, ReleaseUpdate
from tests.releases.members import MANIFEST_ID, PARAMETERS, Cluster

CLUSTER = Cluster(8)
RELEASE, SIGNED, CONTENT = CLUSTER.release()
PARTS = len(RELEASE.parts)


class Node:
    """One node's two state machines, and what they wanted."""

    def __init__(self, number: int, affords: bool = True) -> None:
        self.scribe = CLUSTER.scribes[number]
        self.rollout = Rollout(self.scribe.id, ModelBounds(MANIFEST_ID, PARAMETERS))
        self.bulletin = Bulletin(
            self.rollout,
            partial(open_release, authority=CLUSTER.authority.public),
            CLUSTER.read_report,
            lambda size: affords,
            np.random.default_rng(number),
        )
        self.refused: list[str] = []

    def signed_report(self, *, worse: bool = False) -> bytes:
        stage = slice_of(RELEASE.stages, place_of(RELEASE.salt, self.scribe.id))
        return self.scribe.sign(Finding(RELEASE.id, stage, worse, 0))


class Wire:
    """Links between nodes; messages are encoded, queued, and may be lost."""

    def __init__(self, *nodes: Node) -> None:
        self.nodes = {node.scribe.id: node for node in nodes}
        self.links: set[tuple[bytes, bytes]] = set()
        self.queue: deque[tuple[bytes, bytes, bytes]] = deque()
        self.sent: list[object] = []
        self.now_s = 0.0

    def link(self, one: Node, other: Node) -> None:
        for a, b in ((one, other), (other, one)):
            self.links.add((a.scribe.id, b.scribe.id))
            self.do(a, a.bulletin.linked(b.scribe.id, self.now_s))

    def cut(self, one: Node, other: Node) -> None:
        for a, b in ((one, other), (other, one)):
            self.links.discard((a.scribe.id, b.scribe.id))
            a.bulletin.unlinked(b.scribe.id)
        pair = {one.scribe.id, other.scribe.id}
        self.queue = deque(each for each in self.queue if {*each[:2]} != pair)

    def do(self, node: Node, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Send):
                self.sent.append(effect.message)
                self.queue.append((node.scribe.id, effect.to, encode(effect.message)))
            else:
                node.refused.append(effect.reason)

    def settle(self) -> None:
        while self.queue:
            sender, to, frame = self.queue.popleft()
            if (sender, to) in self.links:
                node = self.nodes[to]
                self.do(node, node.bulletin.receive(sender, decode(frame), self.now_s))

    def wait(self) -> None:
        self.now_s += 6
        for node in self.nodes.values():
            self.do(node, node.bulletin.tick(self.now_s))
        self.settle()


def pair() -> tuple[Wire, Node, Node]:
    one, other = Node(0), Node(1)
    wire = Wire(one, other)
    wire.link(one, other)
    return wire, one, other


def line(count: int) -> tuple[Wire, list[Node]]:
    nodes = [Node(number) for number in range(count)]
    wire = Wire(*nodes)
    for one, other in pairwise(nodes):
        wire.link(one, other)
    return wire, nodes


def test_a_release_and_its_model_reach_all_along_a_line() -> None:
    wire, nodes = line(8)
    wire.do(nodes[0], nodes[0].bulletin.publish(SIGNED, CONTENT))
    wire.settle()
    assert all(node.rollout.number == 1 for node in nodes)
    assert all(node.rollout.content.encode() == CONTENT for node in nodes)
    assert sum(isinstance(each, ReleasePart) for each in wire.sent) == 7 * PARTS
    assert sum(isinstance(each, ReleaseUpdate) and bool(each.signed) for each in wire.sent) <= 14


def test_reports_reach_all_and_cross_each_link_once() -> None:
    wire, nodes = line(8)
    wire.do(nodes[0], nodes[0].bulletin.publish(SIGNED, CONTENT))
    wire.settle()
    wire.sent.clear()
    wire.do(nodes[3], nodes[3].bulletin.report(nodes[3].signed_report()))
    wire.settle()
    assert all(len(list(node.rollout.ledger)) == 1 for node in nodes)
    assert len(wire.sent) == 7


def test_who_links_later_learns_everything() -> None:
    wire, nodes = line(3)
    wire.do(nodes[0], nodes[0].bulletin.publish(SIGNED, CONTENT))
    for node in nodes:
        wire.settle()
        wire.do(node, node.bulletin.report(node.signed_report()))
    wire.settle()
    late = Node(7)
    wire.nodes[late.scribe.id] = late
    wire.link(nodes[2], late)
    wire.settle()
    assert late.rollout.content.is_whole
    assert len(list(late.rollout.ledger)) == 3


def test_without_a_release_not_a_byte_is_sent() -> None:
    wire, _ = line(4)
    wire.wait()
    assert wire.sent == []


@settings(max_examples=40)
@given(st.data())
def test_links_that_come_and_go_delay_everything_and_lose_nothing(data: st.DataObject) -> None:
    nodes = [Node(number) for number in range(5)]
    wire = Wire(*nodes)
    wire.do(nodes[0], nodes[0].bulletin.publish(SIGNED, CONTENT))
    said: set[bytes] = set()
    for _ in range(data.draw(st.integers(1, 12))):
        one, other = data.draw(st.permutations(nodes))[:2]
        if (one.scribe.id, other.scribe.id) in wire.links:
            wire.cut(one, other)
        else:
            wire.link(one, other)
        for _ in range(data.draw(st.integers(0, 6))):
            if wire.queue:
                sender, to, frame = wire.queue.popleft()
                wire.do(
                    wire.nodes[to],
                    wire.nodes[to].bulletin.receive(sender, decode(frame), wire.now_s),
                )
        if one.rollout.number and one.scribe.id not in said:
            said.add(one.scribe.id)
            wire.do(one, one.bulletin.report(one.signed_report(worse=data.draw(st.booleans()))))
    for one, other in pairwise(nodes):
        if (one.scribe.id, other.scribe.id) not in wire.links:
            wire.link(one, other)
    wire.settle()
    for _ in range(6):
        wire.wait()
    assert all(node.rollout.content.is_whole for node in nodes)
    assert {len(list(node.rollout.ledger)) for node in nodes} == {len(said)}
    assert len({node.rollout.ledger.verdict for node in nodes}) == 1
    assert not any(node.refused for node in nodes)


def test_who_has_adopted_and_who_has_not_keep_apart_for_a_while() -> None:
    wire, one, other = pair()
    wire.do(one, one.bulletin.publish(SIGNED, CONTENT))
    wire.settle()
    assert not one.bulletin.is_apart(other.scribe.id, wire.now_s)
    one.rollout.note_done("adopt")
    wire.do(one, one.bulletin.moved())
    wire.settle()
    assert one.bulletin.is_apart(other.scribe.id, wire.now_s)
    assert other.bulletin.is_apart(one.scribe.id, wire.now_s)
    wire.now_s += APART_MAX_S
    assert not other.bulletin.is_apart(one.scribe.id, wire.now_s)
    wire.now_s = 0.0
    other.rollout.note_done("adopt")
    wire.do(other, other.bulletin.moved())
    wire.settle()
    assert not one.bulletin.is_apart(other.scribe.id, wire.now_s)
    assert not other.bulletin.is_apart(one.scribe.id, wire.now_s)


def test_a_silent_holder_is_left_for_another() -> None:
    wire, one, other = pair()
    wire.do(one, one.bulletin.publish(SIGNED, CONTENT))
    third = Node(2)
    third.bulletin.publish(SIGNED, CONTENT)
    wire.nodes[third.scribe.id] = third
    wire.link(third, other)
    holders = {one.scribe.id, third.scribe.id}
    asked = []
    while wire.queue:
        sender, to, frame = wire.queue.popleft()
        message = decode(frame)
        if isinstance(message, PartsWanted) and not asked:
            asked.append(to)
            continue
        wire.do(wire.nodes[to], wire.nodes[to].bulletin.receive(sender, message, 0))
    assert not other.rollout.content.is_whole
    wire.wait()
    assert other.rollout.content.is_whole
    assert {*asked} < holders


def test_parts_wait_until_bytes_are_there() -> None:
    poor, other = Node(0, affords=False), Node(1)
    wire = Wire(poor, other)
    wire.link(poor, other)
    wire.do(poor, poor.bulletin.publish(SIGNED, CONTENT))
    wire.settle()
    assert not any(isinstance(each, ReleasePart) for each in wire.sent)


def test_nobody_is_sent_the_same_parts_for_ever() -> None:
    wire, one, other = pair()
    wire.do(one, one.bulletin.publish(SIGNED, CONTENT))
    served = [
        effect
        for _ in range(50)
        for effect in one.bulletin.receive(other.scribe.id, PartsWanted(1, tuple(range(PARTS))), 0)
    ]
    assert len(served) == COPIES_MAX * PARTS
    wanted = PartsWanted(1, (PARTS, 63))
    assert one.bulletin.receive(other.scribe.id, wanted, 0) == []
    assert one.bulletin.receive(other.scribe.id, PartsWanted(2, (0,)), 0) == []


def test_forged_releases_end_the_link() -> None:
    _, one, other = pair()
    forged = Authority.create().sign(KIND, RELEASE.body)
    with pytest.raises(Untrusted, match="signature"):
        one.bulletin.receive(other.scribe.id, ReleaseUpdate(1, forged, ()), 0)
    assert one.rollout.number == 0


def test_parts_that_were_not_signed_end_the_link() -> None:
    _, one, other = pair()
    one.bulletin.receive(other.scribe.id, ReleaseUpdate(1, SIGNED, ()), 0)
    with pytest.raises(RemoteProtocolError, match="did not sign"):
        one.bulletin.receive(other.scribe.id, ReleasePart(1, 0, b"x"), 0)


def test_older_releases_are_refused_and_counted() -> None:
    _, one, other = pair()
    newer, signed, content = CLUSTER.release(number=2)
    one.bulletin.publish(signed, content)
    (refused,) = one.bulletin.receive(other.scribe.id, ReleaseUpdate(1, SIGNED, ()), 0)
    assert isinstance(refused, Refused)
    assert refused.by == other.scribe.id
    assert "older" in refused.reason
    with pytest.raises(Untrusted, match="not newer"):
        one.bulletin.publish(SIGNED, CONTENT)
    assert one.rollout.release == newer
    assert one.bulletin.publish(signed, content) == []


def test_false_reports_are_refused_and_too_many_end_the_link() -> None:
    _, one, other = pair()
    one.bulletin.publish(SIGNED, CONTENT)
    forged = bytearray(other.signed_report(worse=True))
    forged[-1] ^= 1
    update = ReleaseUpdate(1, b"", (bytes(forged),))
    for _ in range(REFUSALS_MAX):
        (refused,) = one.bulletin.receive(other.scribe.id, update, 0)
        assert isinstance(refused, Refused)
    with pytest.raises(RemoteProtocolError, match="false things"):
        one.bulletin.receive(other.scribe.id, update, 0)
    assert not list(one.rollout.ledger)


def test_a_flood_of_reports_is_not_verified() -> None:
    _, one, other = pair()
    one.bulletin.publish(SIGNED, CONTENT)
    read = []
    one.bulletin._read_report = lambda blob: read.append(blob) or CLUSTER.read_report(blob)
    for _ in range(20):
        batch = tuple(other.signed_report() for _ in range(64))
        one.bulletin.receive(other.scribe.id, ReleaseUpdate(1, b"", batch), 0)
    assert len(read) == 512


def test_a_flood_of_digests_is_forgotten() -> None:
    _, one, other = pair()
    one.bulletin.publish(SIGNED, CONTENT)
    for number in range(5):
        digests = tuple((number * 1024 + i).to_bytes(8, "big") for i in range(1024))
        one.bulletin.receive(other.scribe.id, KnownRelease(1, False, 0, digests), 0)
    assert len(one.bulletin._peers[other.scribe.id].known) <= 1024


def test_who_is_behind_is_told_and_a_withdrawal_spreads_alike() -> None:
    wire, nodes = line(4)
    wire.do(nodes[0], nodes[0].bulletin.publish(SIGNED, CONTENT))
    wire.settle()
    withdrawal, signed = CLUSTER.withdrawal(2, 1)
    assert signed == sign_release(CLUSTER.authority, withdrawal)
    wire.do(nodes[3], nodes[3].bulletin.publish(signed, b""))
    wire.settle()
    assert {node.rollout.phase for node in nodes} == {"withdrawn"}
