"""MNIST, 191 kB of model: what a node sends until it is as good as FedAvg, less a point."""

from collections.abc import Sequence

from figures import Figures

from gossiping.arena import PARTITIONS, Arena, Outcome, mean
from gossiping.parts.part import Part
from gossiping.schemes import KEEP, anchored, limited
from gossiping.table import table

LIMITS_KB = {(16, "iid"): 200, (16, "dirichlet"): 300, (64, "iid"): 300, (64, "dirichlet"): 450}
MESSAGE, SHORT = 600, 350
SHORT_ROUNDS = 600


def frontier(seeds: Sequence[int]) -> Part:
    """16 and 64 nodes, and messages of a few hundred bytes."""
    arenas = {
        (nodes, kind): Arena(
            title=f"MNIST, {nodes} nodes, {partition}",
            task="mnist",
            partition=partition,
            nodes=nodes,
            schemes=[anchored(KEEP)],
            seeds=seeds,
            every=5 if nodes == 16 else 20,
            world={} if nodes == 16 else {"topology": "random:8"},
        )
        for nodes in (16, 64)
        for kind, partition in PARTITIONS.items()
    }
    short = {
        kind: Arena(
            title=f"MNIST, 16 nodes, {partition}, messages of at most {SHORT} bytes",
            task="mnist",
            partition=partition,
            schemes=[limited(SHORT)],
            seeds=seeds,
            rounds=SHORT_ROUNDS,
        )
        for kind, partition in PARTITIONS.items()
    }

    def report(figures: Figures) -> list[str]:
        for (nodes, kind), arena in arenas.items():
            found = _ours(arena)
            name = f"mnist-{nodes}-{kind}"
            figures.add(name, mean(found, "kilobytes"), "kB", "<=", LIMITS_KB[nodes, kind])
            figures.add(f"{name}-message", mean(found, "frame_bytes"), "bytes", "<=", MESSAGE)
        for kind, arena in short.items():
            found = _ours(arena)
            name = f"mnist-16-{kind}-short"
            figures.add(f"{name}-message", mean(found, "frame_bytes"), "bytes", "<=", SHORT)
            arrived = sum(each.kilobytes < each.total_kilobytes for each in found)
            figures.add(f"{name}-reached", arrived, "seeds", ">=", len(seeds))
        return [table(arena) for arena in (*arenas.values(), *short.values())]

    runs = [run for arena in (*arenas.values(), *short.values()) for run in arena.runs()]
    return Part(name="frontier", runs=runs, report=report)


def _ours(arena: Arena) -> list[Outcome]:
    return arena.judge()[arena.schemes[-1].name]
