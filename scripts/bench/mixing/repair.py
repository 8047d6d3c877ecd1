"""What it costs that a schedule repairs itself when members come and go.

Links: the share of a node's links that are new when one of 96 leaves, since every new link starts
without a common anchor.  Rounds: Base-(k+1) loses its exactness when one leaves in the middle of a
period; what is left agrees exactly again after the next whole one.  Accuracy: the mesh's gossip
with a third of the nodes away at any time, where gaps stay and where all learn every ten rounds who
is there.
"""

import statistics

import numpy as np
from figures import Figures, progress
from gossiping.arena import OURS, final
from gossiping.pool import complete
from gossiping.runs import Run, recall
from gossiping.schemes import KEEP

from gossipfl.simulation.churn import OnOff
from gossipfl.topologies.base_graph import BaseGraph
from gossipfl.topologies.members import member_ids
from gossipfl.topologies.mixing import matrix_of
from gossipfl.topologies.named import parse_topology

NODES = 96
ROUNDS = 200
GRAPHS = (
    *("ring", "torus", "tree", "hypercube", "random:4", "erdos-renyi", "small-world"),
    *("scale-free", "clusters:8", "exponential", "one-peer", "base:2"),
)
CHURNED = ("ring", "torus", "random:4", "base:2")
AWAY = OnOff(share=1 / 3, away_s=20.0)
REPAIR_S = 10.0
# New links a node, where the graph is drawn of ids and not of places.
NEW_MAX = {"ring": 0.03, "torus": 0.15, "erdos-renyi": 0.1, "small-world": 0.1}
AGREED = 1e-9


def measure(figures: Figures, *, quick: bool, seeds: int) -> None:
    """All of this part."""
    _links(figures)
    _rounds(figures, range(10, 101, 30 if quick else 6))
    if not quick:
        _accuracy(figures, seeds)


def _links(figures: Figures) -> None:
    progress("links that are new when one leaves")
    print(f"\n{'new links when one of 96 leaves':32}{'mean':>8}{'most':>8}")
    for name in GRAPHS:
        found = [_new_share(name, gone) for gone in range(0, NODES, 7)]
        print(f"{name:32}{statistics.mean(found):8.1%}{max(found):8.1%}")
        if name in NEW_MAX:
            share = statistics.mean(found)
            figures.add(f"repair_new_links_{name}", share, "share", "<=", NEW_MAX[name])


def _new_share(name: str, gone: int) -> float:
    """Over a window of rounds of those that stay."""
    topology, ids = parse_topology(name), member_ids(NODES)
    left = ids[:gone] + ids[gone + 1 :]
    before, after = _pairs(topology, ids), _pairs(topology, left)
    return len(after - before) / len(after)


def _pairs(topology, ids: tuple[str, ...]) -> set[tuple[str, str]]:
    return {
        (ids[i], ids[j])
        for epoch in range(topology.period(len(ids)))
        for i, row in enumerate(topology.adjacency(ids, epoch))
        for j in row
    }


def _rounds(figures: Figures, sizes: range) -> None:
    """Rounds until those that are left agree, over the period of an undisturbed schedule."""
    progress("rounds that repair takes")
    for base in (2, 5):
        worst = max(
            _rounds_to_agree(BaseGraph(base), size, leaves) / BaseGraph(base).period(size - 1)
            for size in sizes
            for leaves in range(BaseGraph(base).period(size))
        )
        figures.add(f"repair_base-{base}_rounds", worst, "periods", "<=", 2.0)


def _rounds_to_agree(topology: BaseGraph, size: int, leaves: int) -> int:
    """From the round on in which the node in the middle is gone; at most two periods."""
    ids = member_ids(size)
    values = np.random.default_rng(size).normal(size=(size, 4))
    variance = values.var(axis=0).sum()
    for epoch in range(leaves):
        values = matrix_of(topology.rows(ids, epoch)) @ values
    left, values = ids[: size // 2] + ids[size // 2 + 1 :], np.delete(values, size // 2, axis=0)
    rounds = 0
    while values.var(axis=0).sum() > AGREED * variance and rounds < 10 * topology.period(size):
        values = matrix_of(topology.rows(left, leaves + rounds)) @ values
        rounds += 1
    return rounds


def _run(name: str, seed: int, *, repair_s: float, churn: OnOff | None) -> Run:
    world = {"topology": name, "repair_s": repair_s, "churn": churn}
    return Run(
        task="digits",
        algorithm="gossip",
        partition="dirichlet:0.3",
        nodes=NODES,
        rounds=ROUNDS,
        seed=seed,
        settings={"keep_ratio": KEEP},
        world=world,
    )


def _accuracy(figures: Figures, seeds: int) -> None:
    cases = {"all there": (0.0, None), "gaps": (0.0, AWAY), "repaired": (REPAIR_S, AWAY)}
    runs = {
        (name, case): [_run(name, seed, repair_s=each, churn=churn) for seed in range(seeds)]
        for name in CHURNED
        for case, (each, churn) in cases.items()
    }
    complete(run for each in runs.values() for run in each)
    print(f"\n{'a third away':14}" + "".join(f"{case:>22}" for case in cases))
    for name in CHURNED:
        found = {case: _final(runs[name, case]) for case in cases}
        cells = (f"{accuracy:.1%}, {sent:.0f} kB" for accuracy, sent in found.values())
        print(f"{name:14}" + "".join(f"{cell:>22}" for cell in cells))
        gain = 100 * (found["repaired"][0] - found["gaps"][0])
        figures.add(f"repair_gain_{name}".replace(":", "-"), gain, "points", ">=", -1.0)
    print()


def _final(runs: list[Run]) -> tuple[float, float]:
    """Accuracy at the end, and kB that a node has sent."""
    records = [recall(run) for run in runs]
    accuracy = statistics.mean(final(record.curve, OURS) for record in records)
    return accuracy, statistics.mean(record.sent_bytes for record in records) / 1000
