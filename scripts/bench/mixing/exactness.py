"""Consensus without learning: what rounds of mixing leave of the variance between nodes.

Base-(k+1) is to be exact for every number of nodes, in as many rounds and with as few peers as the
paper says.  The other figures stand beside values of an independent construction of the same
graphs; a factor of 1 is equality.  Those are of a few drawn values, ours are expectations over all
values, so they need not be closer than a factor; a drift varies most, and was given as a range.
"""

import math
import statistics

import numpy as np
from figures import Figures, progress

from gossipfl.topologies.base_graph import BaseGraph
from gossipfl.topologies.members import member_ids
from gossipfl.topologies.mixing import Mixing, matrix_of
from gossipfl.topologies.named import parse_topology

LENGTHS = {25: 9, 32: 5, 96: 8, 100: 11, 300: 15}
# Variance that is left when Base-2 is exact, by nodes.
LEFT = {
    "one-peer": {25: 6.6e-4, 96: 1.4e-3},
    "matching": {25: 2.3e-3, 96: 4.6e-3},
    "ring": {25: 7.6e-2, 96: 1.1e-1},
}
# Squared drift of the mean over the variance at the start: from, to.
DRIFT = {1: (2e-3, 8e-3), 4: (6e-4, 8e-4)}
FACTOR_MAX = 1.5
DRIFT_FACTOR_MAX = 2.0
DRAWS = 20


def measure(figures: Figures, *, quick: bool) -> None:
    """All of this part, in a few seconds; --quick leaves no more than every seventh size."""
    sizes = range(2, 301, 7 if quick else 1)
    for peers in (1, 2, 3, 4):
        progress(f"Base-{peers + 1} for {len(sizes)} numbers of nodes")
        _exactness(figures, peers, sizes)
    _lengths(figures)
    _left(figures)
    _drift(figures)


def _exactness(figures: Figures, peers: int, sizes: range) -> None:
    found = [_one(peers, size) for size in sizes]
    left, over, degrees = (max(column) for column in zip(*found, strict=True))
    name = f"base-{peers + 1}"
    figures.add(f"{name}_variance_left", left, "of-initial", "<=", 1e-9)
    figures.add(f"{name}_rounds_over_bound", over, "rounds", "<=", 0)
    figures.add(f"{name}_peers", degrees, "peers", "<=", peers)


def _one(peers: int, size: int) -> tuple[float, float, int]:
    """Variance left, rounds above 2 log_{k+1} n + 2, and most peers in a round."""
    topology, ids = BaseGraph(peers + 1), member_ids(size)
    values = start = np.random.default_rng(size).normal(size=(size, 8))
    rounds, most = topology.period(size), 0
    for epoch in range(rounds):
        rows = topology.rows(ids, epoch)
        most = max(most, *map(len, rows))
        values = matrix_of(rows) @ values
    left = values.var(axis=0).sum() / start.var(axis=0).sum()
    drift = np.square(values.mean(axis=0) - start.mean(axis=0)).sum() / start.var(axis=0).sum()
    return float(left + drift), rounds - (2 * math.log(size, peers + 1) + 2), most


def _lengths(figures: Figures) -> None:
    for size, expected in LENGTHS.items():
        found = BaseGraph(2).period(size)
        figures.add(f"base-2_rounds_n{size}", found, "rounds", "<=", expected)


def _left(figures: Figures) -> None:
    print(f"\n{'left after':14}{'nodes':>6}{'rounds':>8}{'found':>11}{'published':>11}")
    for name, cases in LEFT.items():
        for size, expected in cases.items():
            rounds = LENGTHS[size]
            found = statistics.mean(_after(name, size, rounds, seed) for seed in range(DRAWS))
            print(f"{name:14}{size:6}{rounds:8}{found:11.2e}{expected:11.2e}")
            factor = max(found / expected, expected / found)
            figures.add(f"{name}_left_n{size}_factor", factor, "x", "<=", FACTOR_MAX)


def _after(name: str, size: int, rounds: int, seed: int) -> float:
    mixing = Mixing(parse_topology(name, seed), member_ids(size))
    return next(left for done, left in enumerate(mixing.disagreements(), 1) if done == rounds)


def _drift(figures: Figures) -> None:
    """EL-Local does not keep the mean: its rows sum to 1, its columns do not."""
    print(f"\n{'drift of':14}{'nodes':>6}{'found':>11}{'published':>22}")
    for fanout, (least, most) in DRIFT.items():
        for size in LEFT["ring"]:
            found = statistics.mean(_bias(fanout, size, seed) for seed in range(DRAWS))
            print(f"el-local:{fanout:<5}{size:6}{found:11.2e}{least:11.2e}{most:11.2e}")
            factor = max(least / found, found / most, 1.0)
            name = f"el-local-{fanout}_drift_n{size}_factor"
            figures.add(name, factor, "x", "<=", DRIFT_FACTOR_MAX)
    print()


def _bias(fanout: int, size: int, seed: int) -> float:
    """Of independent values: ||1/n P - 1/n||^2, where P is the product of the rounds."""
    mixing = Mixing(parse_topology(f"el-local:{fanout}", seed), member_ids(size))
    product = np.eye(size)
    for epoch in range(LENGTHS[size]):
        product = mixing.matrix(epoch) @ product
    return float(np.square(product.mean(axis=0) - 1 / size).sum())
