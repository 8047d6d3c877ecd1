"""Schemes that meet under the same conditions, and how each run is judged.

Target: FedAvg's final accuracy on the same shares, minus one point, by seed; final is the mean of
the looks at the last 40 rounds.  Ours is judged by the running mean over rounds that nodes predict
with, every other scheme by that or by its bare models, whichever is better.  A scheme's bytes are
what a node has sent on average when the mean node first reaches the target: frames as they are
encoded plus 20 bytes each for length, counter and tag; FedAvg's hold both directions.
"""

import math
import statistics
from collections.abc import Sequence
from typing import Any, Literal

from attrs import field, frozen

from gossipfl.simulation.measurement import Point
from gossiping.runs import Record, Run, recall
from gossiping.schemes import FEDAVG, Scheme

PARTITIONS = {"iid": "iid", "dirichlet": "dirichlet:0.3"}
NODES = 16
EVERY = 5
FINAL_ROUNDS = 40
POINT = 0.01

# What nodes predict with, and so what ours is judged by.
OURS = ("average",)

Held = Literal["validation", "test"]


@frozen
class Outcome:
    """One scheme, one seed.  kilobytes, rounds: to target, infinite when it was not reached."""

    final: float
    worst: float
    kilobytes: float
    rounds: float
    frame_bytes: float
    total_kilobytes: float


@frozen(kw_only=True)
class Arena:
    """FedAvg and some schemes, under one set of conditions.

    training, world: changes for all of them, to how they train and to the experiment.
    """

    title: str
    task: str
    partition: str
    schemes: Sequence[Scheme]
    seeds: Sequence[int]
    nodes: int = NODES
    rounds: int = 300
    every: int = EVERY
    training: dict[str, Any] = field(factory=dict)
    world: dict[str, Any] = field(factory=dict)

    def run(self, scheme: Scheme, seed: int) -> Run:
        """One scheme with one seed."""
        return Run(
            task=self.task,
            algorithm=scheme.algorithm,
            partition=self.partition,
            nodes=self.nodes,
            rounds=self.rounds,
            seed=seed,
            every=self.every,
            settings=scheme.settings,
            training=self.training,
            world={**self.world, **scheme.world},
        )

    def runs(self) -> list[Run]:
        """All that are needed to judge."""
        return [self.run(scheme, seed) for scheme in (FEDAVG, *self.schemes) for seed in self.seeds]

    def judge(self, held: Held = "test") -> dict[str, list[Outcome]]:
        """Every scheme on every seed, FedAvg first, by name."""
        return {
            scheme.name: [self._outcome(scheme, seed, held) for seed in self.seeds]
            for scheme in (FEDAVG, *self.schemes)
        }

    def curve(self, scheme: Scheme) -> list[tuple[float, float]]:
        """(kilobytes, accuracy on test rows) of the mean node, means over seeds."""
        curves = [recall(self.run(scheme, seed)).curve for seed in self.seeds]
        kinds = _kinds(scheme)
        return [
            (
                statistics.mean(point.sent_bytes for point in points) / 1000,
                statistics.mean(
                    max(getattr(point, kind).test.mean for kind in kinds) for point in points
                ),
            )
            for points in zip(*curves, strict=True)
        ]

    def _outcome(self, scheme: Scheme, seed: int, held: Held) -> Outcome:
        central = recall(self.run(FEDAVG, seed))
        target = final(central.curve, _kinds(FEDAVG), held) - POINT
        record = recall(self.run(scheme, seed))
        point = _reached(scheme, record, target, held)
        return Outcome(
            final=final(record.curve, _kinds(scheme), held),
            worst=final(record.curve, _kinds(scheme), held, "worst"),
            kilobytes=point.sent_bytes / 1000 if point else math.inf,
            rounds=point.rounds if point else math.inf,
            frame_bytes=record.sent_bytes * self.nodes / record.frames,
            total_kilobytes=record.sent_bytes / 1000,
        )


def final(
    curve: Sequence[Point], kinds: Sequence[str], held: Held = "test", part: str = "mean"
) -> float:
    """Accuracy over the looks at the last rounds; `part`: of the "mean" or the "worst" node."""
    last_s = curve[-1].time_s
    looks = [point for point in curve if point.time_s > last_s - FINAL_ROUNDS]
    return max(
        statistics.mean(getattr(getattr(getattr(look, kind), held), part) for look in looks)
        for kind in kinds
    )


def _kinds(scheme: Scheme) -> Sequence[str]:
    """The models that a scheme may be judged by."""
    return OURS if scheme.is_ours else ("average", "current")


def _reached(scheme: Scheme, record: Record, target: float, held: Held) -> Point | None:
    """The first look at which the mean node is that good."""
    for point in record.curve:
        if any(getattr(getattr(point, kind), held).mean >= target for kind in _kinds(scheme)):
            return point
    return None


def mean(outcomes: Sequence[Outcome], name: str) -> float:
    """Over seeds; infinite when one seed did not get there."""
    return statistics.mean(getattr(each, name) for each in outcomes)


def at_least(outcomes: Sequence[Outcome]) -> float:
    """Mean kB to target, where a run that did not get there counts with all that it sent."""
    return statistics.mean(min(each.kilobytes, each.total_kilobytes) for each in outcomes)
