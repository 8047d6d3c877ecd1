"""The page of a run: whole, readable, and safe whatever things are called."""

import re
from xml.etree import ElementTree

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gossipfl.node.harness.charts import Curve, Mark, chart, ticks
from gossipfl.node.harness.record import Happened, NodeLook, Point, Result
from gossipfl.node.harness.report import as_html

NASTY = '<script>alert("&")</script>'


def look(number: int, score: float) -> NodeLook:
    return NodeLook(
        name=f"node-{number}", score=score, distance=0.1, rounds=3, exchanges=4, sent_bytes=500
    )


def point(time_s: float, *looks: NodeLook) -> Point:
    mean = sum(each.score for each in looks) / len(looks)
    return Point(
        time_s=time_s,
        rounds=3,
        mean=mean,
        worst=mean,
        consensus_distance=0.1,
        sent_bytes=500 * len(looks),
        nodes=looks,
    )


def result() -> Result:
    both = (look(0, 0.5), look(1, 0.75))
    return Result(
        title=NASTY,
        names=("node-0", "node-1"),
        scores=(0.5, 0.75),
        sent_bytes=(500, 500),
        rounds=(3, 3),
        model_bytes=1000,
        links=(("node-0", "node-1"),),
        faults=[Happened(time_s=1.2, what="kill 1"), Happened(time_s=2.2, what="restart 1")],
        curve=[point(1, *both), point(2, both[0]), point(3, *both)],
    )


def pictures(page: str) -> list[ElementTree.Element]:
    return [ElementTree.fromstring(each) for each in re.findall("<svg.*?</svg>", page, re.DOTALL)]


def test_the_page_has_everything_and_needs_nothing() -> None:
    page = as_html(result(), "unseen readings")
    assert NASTY not in page
    assert page.count("&lt;script&gt;") == 2
    assert not re.search(r"https?:|<script|<link|@import|url\(", page)
    scores, distances, sent, mesh = pictures(page)
    for picture in (scores, distances, sent):
        assert {"node-0", "node-1"} <= {title.text for title in picture.iter("title")}
        marks = [text.text for text in picture.iter("text") if text.get("class") == "mark"]
        assert marks == ["1", "2"]
    assert [title.text for title in mesh.iter("title")] == [
        "node-0 - node-1",
        "node-0: 50.0%",
        "node-1: 75.0%",
    ]
    assert "kill 1" in page


def test_a_run_without_faults_tells_of_none() -> None:
    assert "What went wrong" not in as_html(attrs.evolve(result(), faults=[]), "unseen readings")


def test_a_line_has_a_gap_where_a_node_was_not_seen() -> None:
    curve = Curve("node-1", [1.0, 2.0, None, 4.0])
    (path,) = ElementTree.fromstring(chart([1, 2, 3, 4], [curve], [])).iter("path")
    assert [part[0] for part in re.findall(r"[ML][^ML]+", path.get("d", ""))] == ["M", "L", "M"]


def test_many_looks_are_thinned_out_but_the_last_is_kept() -> None:
    times, values = [float(i) for i in range(1, 5001)], [float(i) for i in range(5000)]
    (path,) = ElementTree.fromstring(chart(times, [Curve("", values)], [])).iter("path")
    steps = re.findall(r"[ML]([\d.]+) ([\d.]+)", path.get("d", ""))
    assert 350 < len(steps) < 450
    assert float(steps[-1][0]) == pytest.approx(840, abs=0.1)


@given(st.floats(-1e9, 1e9), st.floats(0, 1e9))
@example(0.0, 5e-324)
@example(-1e9, 1e-7)
def test_ticks_are_few_and_reach_over_everything(low: float, span: float) -> None:
    found = ticks(low, low + span)
    slack = 1e-6 * (found[-1] - found[0])
    assert found[0] <= low + slack
    assert found[-1] >= low + span - slack
    assert 2 <= len(found) <= 8
    assert found == sorted(set(found))


@given(
    st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6)), min_size=1, max_size=20),
    st.lists(st.floats(0, 100), max_size=3),
)
def test_any_curve_can_be_drawn_within_its_frame(
    values: list[float | None], marks: list[float]
) -> None:
    times = [float(number + 1) for number in range(len(values))]
    drawn = chart(times, [Curve("a", values)], [Mark(each, NASTY) for each in marks])
    if all(value is None for value in values):
        assert drawn == ""
        return
    picture = ElementTree.fromstring(drawn)
    for x, y in re.findall(r"[ML]([-\d.]+) ([-\d.]+)", next(picture.iter("path")).get("d", "")):
        assert 60 <= float(x) <= 840.1
        assert 21.9 <= float(y) <= 210.1
