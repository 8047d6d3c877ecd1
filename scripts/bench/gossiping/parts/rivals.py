"""Every scheme in one simulator: how many more bytes the others need."""

from collections.abc import Sequence

from figures import Figures

from gossiping.arena import PARTITIONS, Arena, at_least, mean
from gossiping.parts.part import Part
from gossiping.plot import plot
from gossiping.schemes import FEDAVG, KEEP, Scheme, anchored, compressed, uncompressed
from gossiping.table import table

RATIOS = {False: 90, True: 10}
# In the picture; all are in the tables.
SHOWN = ("gossip", "dpsgd", "push-sum", "hegedus", "choco:0.9", "deepsqueeze:0.5", "el-oracle:1")


def rivals(seeds: Sequence[int]) -> Part:
    """On MNIST, 16 nodes."""
    ours, others = anchored(KEEP), [*uncompressed(), *compressed()]
    shown = [scheme for scheme in others if scheme.algorithm in SHOWN]
    arenas = {
        kind: Arena(
            title=f"MNIST, 16 nodes, {partition}, all schemes",
            task="mnist",
            partition=partition,
            schemes=[*others, ours],
            seeds=seeds,
        )
        for kind, partition in PARTITIONS.items()
    }

    def report(figures: Figures) -> list[str]:
        for kind, arena in arenas.items():
            found = arena.judge()
            kilobytes = mean(found[ours.name], "kilobytes")
            for is_compressed, least in RATIOS.items():
                names = [s.name for s in others if s.compressed == is_compressed]
                best = min(at_least(found[name]) for name in names)
                label = "compressed" if is_compressed else "uncompressed"
                figures.add(f"rivals-{kind}-{label}", best / kilobytes, "x", ">=", least)
            gap = mean(found[FEDAVG.name], "final") - mean(found[ours.name], "final")
            if kind == "dirichlet":
                figures.add(f"mnist-{kind}-gap-to-fedavg", 100 * gap, "points", "<=", 0.5)
        return [table(arena) for arena in arenas.values()]

    def plots() -> dict[str, str]:
        return {
            f"gossip-{kind}.svg": plot(arena.title, _curves(arena, [FEDAVG, *shown, ours]))
            for kind, arena in arenas.items()
        }

    runs = [run for arena in arenas.values() for run in arena.runs()]
    return Part(name="rivals", runs=runs, report=report, plots=plots)


def _curves(arena: Arena, schemes: Sequence[Scheme]) -> dict[str, list[tuple[float, float]]]:
    return {scheme.name: arena.curve(scheme) for scheme in schemes}
