"""MNIST in 64 low frequencies: a tenth of the parameters trained, the pixels' model used."""

from collections.abc import Sequence

from figures import Figures, progress

from gossiping.arena import PARTITIONS, Arena, at_least, mean
from gossiping.parts.part import Part
from gossiping.runs import recall
from gossiping.schemes import FEDAVG, IN_BASIS, PLAIN, PLAIN_IN_BASIS
from gossiping.table import listing, table

LIMITS_KB = {"iid": 25, "dirichlet": 40}
MESSAGE = 180


def basis(seeds: Sequence[int]) -> Part:
    """The target is that of FedAvg on pixels; the same gossip without compression stands beside."""
    arenas = {
        kind: Arena(
            title=f"MNIST in a basis, 16 nodes, {partition}",
            task="mnist",
            partition=partition,
            schemes=[PLAIN, PLAIN_IN_BASIS, IN_BASIS],
            seeds=seeds,
        )
        for kind, partition in PARTITIONS.items()
    }

    def report(figures: Figures) -> list[str]:
        ratios = {}
        for kind, arena in arenas.items():
            found = arena.judge()
            ours = found[IN_BASIS.name]
            kilobytes, name = mean(ours, "kilobytes"), f"basis-{kind}"
            figures.add(name, kilobytes, "kB", "<=", LIMITS_KB[kind])
            figures.add(f"{name}-message", mean(ours, "frame_bytes"), "bytes", "<=", MESSAGE)
            same, whole = (at_least(found[s.name]) / kilobytes for s in (PLAIN_IN_BASIS, PLAIN))
            ratios[kind] = [f"{same:.0f}", f"{whole:.0f}", f"{_size_ratio(arena):.1f}"]
            progress(f"{name}: {same:.0f} x, {whole:.0f} x, {_size_ratio(arena):.1f} x")
        columns = [
            "kB over ours: as many parameters, uncompressed",
            "kB over ours: pixels, uncompressed",
            "parameters used over trained",
        ]
        tables = [table(arena) for arena in arenas.values()]
        return [*tables, listing("What the basis is worth, and what the codec", columns, ratios)]

    return Part(
        name="basis", runs=[run for arena in arenas.values() for run in arena.runs()], report=report
    )


def _size_ratio(arena: Arena) -> float:
    used, trained = (recall(arena.run(s, arena.seeds[0])).parameters for s in (FEDAVG, IN_BASIS))
    return used / trained
