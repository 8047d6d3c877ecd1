"""What a run of a swarm leaves behind: looks at the mesh, what happened, how it ended."""

import json
from collections import defaultdict
from collections.abc import Sequence

from attrs import asdict, field, frozen

from gossipfl.faults.events import Event
from gossipfl.node.harness.judge import Scores
from gossipfl.node.harness.views import View, consensus_distance, distances_from_mean


@frozen(kw_only=True)
class NodeLook:
    """One node: its score, how far it is from the mean model, and what it did since the start."""

    name: str
    score: float
    distance: float
    rounds: int
    exchanges: int
    sent_bytes: int


@frozen(kw_only=True)
class Point:
    """One look at the mesh: seconds since all nodes ran, the slowest node's rounds, scores, bytes.

    nodes: those that answered; means and sums are over them.
    """

    time_s: float
    rounds: int
    mean: float
    worst: float
    consensus_distance: float
    sent_bytes: int
    nodes: tuple[NodeLook, ...]


@frozen(kw_only=True)
class Happened:
    """A fault, and when it came."""

    time_s: float
    what: str


@frozen(kw_only=True)
class Result:
    """A finished run.

    names, scores, sent_bytes, rounds: of the nodes that were up at its end; scores are on readings
        that no node has: accuracy, or R squared.
    links: pairs of names that had a link at the end.
    curve: the run as it went.  faults: what happened to it.
    """

    title: str
    names: tuple[str, ...]
    scores: tuple[float, ...]
    sent_bytes: tuple[int, ...]
    rounds: tuple[int, ...]
    model_bytes: int
    links: tuple[tuple[str, str], ...] = ()
    faults: list[Happened] = field(factory=list)
    curve: list[Point] = field(factory=list)

    def as_json(self) -> str:
        """For programs."""
        return json.dumps(asdict(self), indent=1)


class Recorder:
    """Takes looks at a mesh down as they come."""

    def __init__(self, title: str, model_bytes: int, judge: Scores) -> None:
        self._title = title
        self._model_bytes = model_bytes
        self._judge = judge
        self._curve: list[Point] = []
        self._faults: list[Happened] = []
        self._sent = _Sent()

    def note(self, time_s: float, views: Sequence[View]) -> Point:
        """One look at all nodes that answer."""
        scores = [self._judge.score_view(view) for view in views]
        models = [view.parameters for view in views]
        looks = tuple(map(self._look, views, scores, distances_from_mean(models)))
        point = Point(
            time_s=round(time_s, 3),
            rounds=min(look.rounds for look in looks),
            mean=sum(scores) / len(scores),
            worst=min(scores),
            consensus_distance=consensus_distance(models),
            sent_bytes=sum(look.sent_bytes for look in looks),
            nodes=looks,
        )
        self._curve.append(point)
        return point

    def happened(self, time_s: float, event: Event) -> None:
        """A fault came."""
        self._faults.append(Happened(time_s=round(time_s, 3), what=str(event)))

    def finish(self, views: Sequence[View]) -> Result:
        """The run, whose last look is at these views."""
        last = self._curve[-1].nodes
        return Result(
            title=self._title,
            names=tuple(look.name for look in last),
            scores=tuple(look.score for look in last),
            sent_bytes=tuple(look.sent_bytes for look in last),
            rounds=tuple(look.rounds for look in last),
            model_bytes=self._model_bytes,
            links=_links(views),
            faults=self._faults,
            curve=self._curve,
        )

    def _look(self, view: View, score: float, distance: float) -> NodeLook:
        status = view.status
        return NodeLook(
            name=status["name"],
            score=score,
            distance=distance,
            rounds=status["rounds"],
            exchanges=status["exchanges"],
            sent_bytes=self._sent.note(status["name"], status["sent_bytes"]),
        )


class _Sent:
    """Bytes by node over restarts, with which a process begins to count anew."""

    def __init__(self) -> None:
        self._before: defaultdict[str, int] = defaultdict(int)
        self._newest: defaultdict[str, int] = defaultdict(int)

    def note(self, name: str, sent_bytes: int) -> int:
        if sent_bytes < self._newest[name]:
            self._before[name] += self._newest[name]
        self._newest[name] = sent_bytes
        return self._before[name] + sent_bytes


def _links(views: Sequence[View]) -> tuple[tuple[str, str], ...]:
    """Pairs of which both ends see the link."""
    near = {view.status["name"]: {n["name"] for n in view.status["neighbours"]} for view in views}
    return tuple(
        (one, other)
        for one in near
        for other in near
        if one < other and other in near[one] and one in near[other]
    )
