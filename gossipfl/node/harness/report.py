"""A run of a swarm as one HTML page that needs nothing else: no script, no font, no network."""

from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import Final

from gossipfl.node.harness.charts import Curve, Mark, chart
from gossipfl.node.harness.drawing import draw_mesh
from gossipfl.node.harness.record import NodeLook, Point, Result

STYLE: Final = """
:root { color-scheme: light dark; --ink: #222; --faint: #ddd; --fault: #c33; }
@media (prefers-color-scheme: dark) { :root { --ink: #ddd; --faint: #444; --fault: #f77; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); max-width: 56rem;
  margin: 2rem auto; padding: 0 1rem; }
h2 { font-size: 1.1rem; margin: 2rem 0 0.5rem; }
svg { width: 100%; height: auto; }
svg.mesh { max-width: 32rem; display: block; margin: 0 auto; }
svg text { font-size: 11px; fill: var(--ink); }
svg path { fill: none; stroke-width: 1; opacity: 0.7; }
svg path.strong { stroke: var(--ink); stroke-width: 2.5; opacity: 1; }
svg .grid, svg .link { stroke: var(--faint); }
svg line.mark { stroke: var(--fault); stroke-dasharray: 3 3; }
svg text.mark { fill: var(--fault); text-anchor: middle; }
svg .node { stroke: var(--ink); }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 0.15rem 1rem 0.15rem 0; text-align: right; }
th:first-child, td:first-child, td.words { text-align: left; }
"""


def as_html(result: Result, judged: str) -> str:
    """The page.  judged: what scores were measured on, for people."""
    times_s = [point.time_s for point in result.curve]
    names = _names(result.curve)
    marks = [Mark(each.time_s, str(i)) for i, each in enumerate(result.faults, start=1)]

    def curves(of: Callable[[NodeLook], float]) -> list[Curve]:
        looks = [{look.name: of(look) for look in point.nodes} for point in result.curve]
        return [Curve(name, [look.get(name) for look in looks]) for name in names]

    scores = curves(lambda look: 100 * look.score)
    scores.append(Curve("mean", [100 * point.mean for point in result.curve], strong=True))
    distances = curves(lambda look: look.distance)
    spread = [point.consensus_distance for point in result.curve]
    distances.append(Curve("root mean square", spread, strong=True))
    sent = curves(lambda look: look.sent_bytes / 1000)
    up = dict(zip(result.names, result.scores, strict=True))
    sections = (
        ("", _summary(result, judged)),
        (f"Score of each node, on {judged}", chart(times_s, scores, marks, " %")),
        ("Distance of each model from the mean of all", chart(times_s, distances, marks)),
        ("Sent by each node", chart(times_s, sent, marks, " kB")),
        ("What went wrong", _faults(result)),
        ("The mesh at the end", draw_mesh(names, result.links, up)),
        ("Nodes at the end", _nodes(result.curve[-1].nodes)),
    )
    body = "".join(_section(title, content) for title, content in sections if content)
    title = escape(result.title)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{STYLE}</style></head><body><h1>{title}</h1>{body}</body></html>\n"
    )


def _names(curve: Sequence[Point]) -> list[str]:
    """All that were ever seen, by number."""
    seen = {look.name for point in curve for look in point.nodes}
    return sorted(seen, key=lambda name: (len(name), name))


def _section(title: str, content: str) -> str:
    return (f"<h2>{escape(title)}</h2>" if title else "") + content


def _summary(result: Result, judged: str) -> str:
    mean = sum(result.scores) / len(result.scores)
    sent = sum(result.sent_bytes) / len(result.sent_bytes)
    return (
        f"<p>{escape(judged)}: mean <b>{mean:.1%}</b>, worst {min(result.scores):.1%}, best "
        f"{max(result.scores):.1%}, after {min(result.rounds)} to {max(result.rounds)} rounds in "
        f"{result.curve[-1].time_s:.0f} s. Each node sent {sent / 1000:.1f} kB, "
        f"{sent / result.model_bytes:.2f} of the model's {result.model_bytes / 1000:.1f} kB.</p>"
    )


def _faults(result: Result) -> str:
    if not result.faults:
        return ""
    rows = (
        (str(number), f"{each.time_s:.1f} s", each.what)
        for number, each in enumerate(result.faults, start=1)
    )
    return _table(("", "at", "what"), rows)


def _nodes(looks: Sequence[NodeLook]) -> str:
    rows = (
        (
            look.name,
            f"{look.score:.1%}",
            str(look.rounds),
            str(look.exchanges),
            f"{look.sent_bytes / 1000:.1f} kB",
            f"{look.distance:.3f}",
        )
        for look in looks
    )
    return _table(("node", "score", "rounds", "exchanges", "sent", "distance"), rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["".join(f"<th>{escape(cell)}</th>" for cell in head)]
    lines += ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows]
    return "<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"
