"""A look at everything in under a minute: the digits, one seed."""

from figures import Figures

from gossiping.arena import Arena, mean
from gossiping.parts.part import Part
from gossiping.schemes import PLAIN, Scheme, anchored
from gossiping.table import table

LIMIT_KB = 45


def quick() -> Part:
    """Ours beside pairwise gossip and push-sum."""
    ours = anchored(0.02)
    arena = Arena(
        title="Digits, 16 nodes, dirichlet:0.3",
        task="digits",
        partition="dirichlet:0.3",
        schemes=[PLAIN, Scheme("push-sum, exponential", "push-sum"), ours],
        seeds=range(1),
    )

    def report(figures: Figures) -> list[str]:
        kilobytes = mean(arena.judge()[ours.name], "kilobytes")
        figures.add("digits-dirichlet", kilobytes, "kB", "<=", LIMIT_KB)
        return [table(arena)]

    return Part(name="quick", runs=arena.runs(), report=report)
