"""Rounds and bytes to accuracy at 96 nodes with skewed labels, by topology.

Two algorithms: D-PSGD, where every round mixes whole models by the topology's weights, and the
mesh's own compressed gossip, where every node opens one exchange a round with one of its
neighbours.  Epidemic Learning is the yardstick of both: D-PSGD over one of its graphs is just that.
The target is FedAvg's final accuracy minus one point, by seed; bytes are as in gossiping/arena.py.

A figure is the difference of two accuracies: of a topology, when it has sent as much as Epidemic
Learning with as many peers a round needed for the target, and of that one.
"""

import math
import statistics
from collections.abc import Sequence

from figures import Figures
from gossiping.arena import Arena, mean
from gossiping.pool import complete
from gossiping.schemes import KEEP, Scheme

NODES = 96
PARTITION = "dirichlet:0.3"
ROUNDS = 300
GRAPHS = (
    *("complete", "ring", "star", "tree:2", "torus", "hypercube", "random:4", "erdos-renyi:4"),
    *("small-world:4:0.2", "scale-free:2", "clusters:8:1", "exponential", "one-peer", "base:2"),
    *("base:5", "equidyn", "matching", "el-oracle:1", "el-oracle:4", "el-local:1", "el-local:4"),
)
# One with as many peers a round at most, and Epidemic Learning with as many.
PAIRS = (("base:2", "el-oracle:1"), ("base:2", "el-local:1"), ("base:5", "el-oracle:4"))
# Points of accuracy that a topology may be behind Epidemic Learning at equal bytes.
BEHIND_MAX = 1.0
# In the mesh: against Epidemic Learning's graphs, among which a link is new in nearly every round.
MESH = (("random:4", "el-oracle:4"), ("torus", "el-oracle:4"), ("base:2", "el-oracle:1"))


def dpsgd(graph: str) -> Scheme:
    """Whole models, all neighbours of a round."""
    return Scheme(f"D-PSGD, {graph}", "dpsgd", world={"topology": graph})


def mesh(graph: str) -> Scheme:
    """Ours: one neighbour a round, compressed."""
    return Scheme(f"mesh, {graph}", "gossip", True, {"keep_ratio": KEEP}, {"topology": graph})


def measure(figures: Figures, *, quick: bool, seeds: int) -> None:
    """Both algorithms over all graphs; --quick takes a few graphs and rounds."""
    graphs = ("base:2", "el-oracle:1") if quick else GRAPHS
    for title, make, pairs in (("D-PSGD", dpsgd, PAIRS), ("The mesh's gossip", mesh, MESH)):
        arena = Arena(
            title=title,
            task="digits",
            partition=PARTITION,
            schemes=[make(graph) for graph in graphs],
            seeds=range(1 if quick else seeds),
            nodes=NODES,
            rounds=20 if quick else ROUNDS,
            every=10,
        )
        complete(arena.runs())
        # A few rounds tell nothing about where they lead.
        _report(figures, arena, make, graphs, () if quick else pairs)


def _report(
    figures: Figures, arena: Arena, make, graphs: Sequence[str], pairs: Sequence[tuple[str, str]]
) -> None:
    found = arena.judge()
    print(f"\n{arena.title}: {NODES} nodes, {arena.partition}, {len(arena.seeds)} seeds")
    print(f"{'topology':20}{'rounds':>8}{'kB':>9}{'final':>8}{'worst':>8}")
    for graph in graphs:
        outcomes = found[make(graph).name]
        rounds, sent = mean(outcomes, "rounds"), mean(outcomes, "kilobytes")
        final, worst = mean(outcomes, "final"), mean(outcomes, "worst")
        print(f"{graph:20}{rounds:8.0f}{sent:9.0f}{final:8.1%}{worst:8.1%}")
    for graph, rival in pairs:
        equal = mean(found[make(rival).name], "kilobytes")
        if math.isinf(equal):  # it never got there: all that it sent
            equal = mean(found[make(rival).name], "total_kilobytes")
        ours, theirs = (_accuracy_at(arena, make(name), equal) for name in (graph, rival))
        name = f"{make(graph).algorithm}_{graph}_over_{rival}_at_equal_bytes".replace(":", "-")
        figures.add(name, 100 * (ours - theirs), "points", ">=", -BEHIND_MAX)


def _accuracy_at(arena: Arena, scheme: Scheme, kilobytes: float) -> float:
    """On test rows, between the two looks around these bytes."""
    curve = arena.curve(scheme)
    before = [point for point in curve if point[0] <= kilobytes]
    after = [point for point in curve if point[0] > kilobytes]
    if not after:
        return statistics.mean(accuracy for _, accuracy in curve[-3:])
    (first, low), (second, high) = before[-1], after[0]
    return low + (high - low) * (kilobytes - first) / (second - first)
