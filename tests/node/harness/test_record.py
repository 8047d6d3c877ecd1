"""What is taken down of a run."""

from typing import Any

import numpy as np

from gossipfl.faults.events import Kill
from gossipfl.node.harness.record import Recorder
from gossipfl.node.harness.views import View


class ByFirstEntry:
    """A judge for whom a model's first entry is its score."""

    def score_view(self, view: View) -> float:
        return float(view.parameters[0])


def view(number: int, score: float, sent_bytes: int, *near: int, rounds: int = 5) -> View:
    status: dict[str, Any] = {
        "name": f"node-{number}",
        "rounds": rounds,
        "exchanges": rounds,
        "sent_bytes": sent_bytes,
        "neighbours": [{"name": f"node-{other}"} for other in near],
    }
    parameters = np.array([score, 0], np.float32)
    return View(status, parameters, parameters, None)


def test_means_are_over_those_that_answer() -> None:
    recorder = Recorder("test", 100, ByFirstEntry())
    first = recorder.note(1.0, [view(0, 0.5, 10), view(1, 1.0, 20, rounds=3)])
    assert (first.mean, first.worst, first.rounds, first.sent_bytes) == (0.75, 0.5, 3, 30)
    assert first.consensus_distance == 0.25
    second = recorder.note(2.0, [view(1, 1.0, 25)])
    assert (second.mean, second.worst, second.sent_bytes) == (1.0, 1.0, 25)


def test_bytes_are_counted_over_restarts() -> None:
    recorder = Recorder("test", 100, ByFirstEntry())
    for sent in (10, 40, 5, 7, 3):
        point = recorder.note(1.0, [view(0, 0.5, sent)])
    assert point.sent_bytes == 40 + 7 + 3


def test_a_link_is_one_that_both_ends_see() -> None:
    recorder = Recorder("test", 100, ByFirstEntry())
    views = [view(0, 0.5, 1, 1, 2), view(1, 0.5, 1, 0, 2), view(2, 0.5, 1, 1)]
    recorder.happened(0.5, Kill(at_s=0.4, nodes=(3,)))
    recorder.note(1.0, views)
    result = recorder.finish(views)
    assert result.links == (("node-0", "node-1"), ("node-1", "node-2"))
    assert [(each.time_s, each.what) for each in result.faults] == [(0.5, "kill 3")]
