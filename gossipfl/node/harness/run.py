"""Runs a swarm to its end and records what happened."""

import json
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import trio
from attrs import asdict, field, frozen

from gossipfl.node.harness.convergence import Convergence
from gossipfl.node.harness.judge import Scores
from gossipfl.node.harness.liveview import POLL_S, LiveView
from gossipfl.node.harness.swarm import Swarm, View, consensus_distance

T = TypeVar("T")


@frozen(kw_only=True)
class Point:
    """One look at the mesh: seconds since launch, the slowest node's rounds, scores, bytes."""

    time_s: float
    rounds: int
    mean: float
    worst: float
    consensus_distance: float
    sent_bytes: int


@frozen(kw_only=True)
class Result:
    """A finished run.

    scores: per node, on readings that no node has: accuracy, or R squared.
    curve: the run as it went.
    """

    scores: tuple[float, ...]
    sent_bytes: tuple[int, ...]
    rounds: tuple[int, ...]
    model_bytes: int
    curve: list[Point] = field(factory=list)

    def as_json(self) -> str:
        """For programs."""
        return json.dumps(asdict(self), indent=1)


async def run_swarm(
    swarm: Swarm,
    judge: Scores,
    convergence: Convergence,
    arguments: Sequence[str],
    title: str,
    at_end: Callable[[], Awaitable[T]],
) -> tuple[Result, list[View], T]:
    """Start every node, look at them until they converge, stop them.

    at_end: awaited while the nodes still run; its value is returned as well.
    """
    model_bytes = 4 * swarm.manifest.parameters
    curve: list[Point] = []
    started_s = time.monotonic()
    with LiveView(title, model_bytes, judge) as live:
        async with swarm.running(*arguments):
            while True:
                await trio.sleep(POLL_S)
                views = await swarm.views()
                live.show(views)
                curve.append(_point(time.monotonic() - started_s, views, judge))
                if convergence.reached(views):
                    last = await at_end()
                    break
    return _result(views, judge, model_bytes, curve), views, last


def _point(time_s: float, views: Sequence[View], judge: Scores) -> Point:
    scores = [judge.score_view(view) for view in views]
    return Point(
        time_s=round(time_s, 3),
        rounds=min(view.status["rounds"] for view in views),
        mean=sum(scores) / len(scores),
        worst=min(scores),
        consensus_distance=consensus_distance([view.parameters for view in views]),
        sent_bytes=sum(view.status["sent_bytes"] for view in views),
    )


def _result(views: Sequence[View], judge: Scores, model_bytes: int, curve: list[Point]) -> Result:
    return Result(
        scores=tuple(judge.score_view(view) for view in views),
        sent_bytes=tuple(view.status["sent_bytes"] for view in views),
        rounds=tuple(view.status["rounds"] for view in views),
        model_bytes=model_bytes,
        curve=curve,
    )
