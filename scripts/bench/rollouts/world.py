"""Nodes that hold, try and judge releases, on simulated links: a node's own state machines."""

import functools
from collections.abc import Iterable
from typing import Final

import numpy as np
from attrs import define, field
from numpy.typing import NDArray

from gossipfl.learning.evaluation import evaluate_outputs
from gossipfl.learning.execution import predict
from gossipfl.learning.learner import Evaluation
from gossipfl.membership.effects import Send
from gossipfl.membership.records import Id, id_of
from gossipfl.models.sequential import Sequential
from gossipfl.releases.bounds import ModelBounds
from gossipfl.releases.bulletin import Bulletin, Effect
from gossipfl.releases.judging import judge
from gossipfl.releases.publishing import Plan, compose
from gossipfl.releases.release import open_release, sign_release
from gossipfl.releases.reports import open_report, sign_report
from gossipfl.releases.rollout import Rollout
from gossipfl.releases.slices import SALT_BYTES
from gossipfl.security.authority import Authority
from gossipfl.security.certificates import Certificate, open_certificate
from gossipfl.security.identity import DeviceKey
from gossipfl.simulation.engine import Engine
from gossipfl.wire.messages import Message, decode, encode

Vector = NDArray[np.float32]
MANIFEST_ID: Final = bytes(16)
ROUND_S, TICK_S = 5.0, 5.0
LATENCY_S: Final = (0.005, 0.05)
# Around an encoded message: length, counter and tag of a sealed frame.
SEAL_BYTES: Final = 20
LINKS: Final = 4


@define
class Rows:
    """Rows that a node holds back: f32[n, columns], f32[n, 1]."""

    features: Vector
    targets: Vector


class World:
    """A mesh of so many nodes, each linked to some random others, that all have learnt `known`."""

    def __init__(self, spec: Sequential, known: Vector, rows: list[Rows], seed: int) -> None:
        self.spec, self.known = spec, known
        self.engine = Engine()
        self.rng = np.random.default_rng(seed)
        self.authority = Authority.from_seed(self.rng.bytes(32))
        # What a thousand nodes read is verified once: the cryptography is not measured here.
        self.read_report = functools.cache(lambda blob: open_report(blob, self._judge))
        self.read_release = functools.cache(lambda blob: open_release(blob, self.authority.public))
        self.sent_bytes = 0
        self.nodes = [Node(self, number, each) for number, each in enumerate(rows)]
        self.by_id = {node.id: node for node in self.nodes}
        for node in self.nodes:
            others = [each for each in self.nodes if each is not node]
            for index in self.rng.choice(len(others), LINKS, replace=False):
                node.wanted.add(others[index].id)
        for node in self.nodes:
            node.power(True)

    def publish(self, model: Vector, plan: Plan) -> None:
        """The operator hands the next release to the first node."""
        members = [node.id for node in self.nodes]
        salt, number = self.rng.bytes(SALT_BYTES), 1 + self.nodes[0].rollout.number
        release, content = compose(number, MANIFEST_ID, model, members, salt, plan)
        signed = sign_release(self.authority, release)
        first = self.nodes[0]
        first.do(first.bulletin.publish(signed, content))

    def run_until_all(self, phase: str, limit_s: float) -> float:
        """Seconds until all nodes are in this phase; infinite when that is beyond the limit."""
        since_s = self.engine.now_s
        while self.engine.now_s - since_s < limit_s:
            self.engine.run_until(self.engine.now_s + 1)
            if all(node.rollout.phase == phase for node in self.nodes):
                return self.engine.now_s - since_s
        return float("inf")

    def latency(self) -> float:
        """Seconds of one message."""
        return float(self.rng.uniform(*LATENCY_S))

    def evaluate(self, model: Vector, rows: Rows) -> Evaluation:
        """As a node's trainer does."""
        outputs = predict(self.spec, model, rows.features)
        return evaluate_outputs(self.spec.loss, outputs, rows.targets)

    def _judge(self, blob: bytes, public_key: bytes) -> Certificate:
        return open_certificate(
            blob,
            authority=self.authority.public,
            cluster_id=self.authority.cluster_id,
            public_key=public_key,
        )


@define(eq=False, slots=False)
class Node:
    """One node.  used: releases that it ever predicted with; adopted: what it went on from last."""

    world: World
    number: int
    rows: Rows
    wanted: set[Id] = field(factory=set)
    links: set[Id] = field(factory=set)
    powered: bool = False
    used: set[int] = field(factory=set)
    model: Vector = field(init=False)

    def __attrs_post_init__(self) -> None:
        world = self.world
        self.key = DeviceKey.from_secret(world.rng.bytes(32))
        self.certificate = world.authority.admit(
            f"n{self.number}", self.key.public, ("peer",), self.number + 1, 0.0, 99
        )
        self.id = id_of(self.key.public)
        self.model = world.known
        self.rollout = Rollout(self.id, ModelBounds(MANIFEST_ID, len(world.known)))
        self.bulletin = Bulletin(
            self.rollout,
            world.read_release,
            world.read_report,
            lambda size: True,
            world.rng.spawn(1)[0],
        )

    def power(self, on: bool) -> None:
        """Switch it on, and link it; or off."""
        world, self.powered = self.world, on
        for other in [world.by_id[peer] for peer in sorted(self.links)]:
            self.part(other)
            other.part(self)
        if on:
            for node in world.nodes:
                if node.powered and (node.id in self.wanted or self.id in node.wanted):
                    self.link(node)
                    node.link(self)
            world.engine.schedule(float(world.rng.exponential(ROUND_S)), self.round)
            world.engine.schedule(float(world.rng.uniform(0, TICK_S)), self.tick)

    def link(self, other: "Node") -> None:
        """A link came up."""
        if other is not self:
            self.links.add(other.id)
            self.do(self.bulletin.linked(other.id, self.world.engine.now_s))

    def part(self, other: "Node") -> None:
        """It went down."""
        self.links.discard(other.id)
        self.bulletin.unlinked(other.id)

    def round(self) -> None:
        """What a node does between two rounds."""
        if not self.powered:
            return
        world, now_s = self.world, self.world.engine.now_s
        step = self.rollout.step(now_s)
        if step == "judge":
            self.judge(now_s)
        elif step is not None:
            model = self.rollout.brought()
            self.model = model if step == "adopt" and model is not None else world.known
            self.rollout.note_done(step)
            self.do(self.bulletin.moved())
        if self.rollout.in_use is not None or step == "adopt":
            self.used.add(self.rollout.number)
        world.engine.schedule(float(world.rng.exponential(ROUND_S)), self.round)

    def judge(self, now_s: float) -> None:
        """By the rows that it holds back."""
        release, model = self.rollout.release, self.rollout.brought()
        assert release is not None
        assert model is not None
        before = self.world.evaluate(self.model, self.rows)
        after = self.world.evaluate(model, self.rows)
        opinion = judge(before, after, release.tolerance)
        finding = self.rollout.note_judged(opinion, now_s)
        if finding is not None:
            signed = sign_report(self.key.secret, self.certificate, finding)
            self.do(self.bulletin.report(signed))

    def tick(self) -> None:
        """Asks again for what did not come."""
        if self.powered:
            self.do(self.bulletin.tick(self.world.engine.now_s))
            self.world.engine.schedule(TICK_S, self.tick)

    def do(self, effects: Iterable[Effect]) -> None:
        """Send what is to be sent; nobody tells false things here."""
        for effect in effects:
            assert isinstance(effect, Send)
            self.send(effect.to, effect.message)

    def send(self, to: Id, message: Message) -> None:
        """The very bytes, after a while, unless the link went down."""
        frame = encode(message)
        self.world.sent_bytes += len(frame) + SEAL_BYTES
        self.world.engine.schedule(
            self.world.latency(), lambda: self.world.by_id[to].take(self.id, frame)
        )

    def take(self, sender: Id, frame: bytes) -> None:
        """A message came."""
        if sender in self.links:
            now_s = self.world.engine.now_s
            message = decode(frame)
            self.do(self.bulletin.receive(sender, message, now_s))  # type: ignore[arg-type]
