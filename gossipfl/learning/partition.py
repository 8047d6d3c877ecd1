"""Splitting one data set over many nodes, for demonstrations and experiments."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gossipfl.errors import ConfigError

Rows = NDArray[np.int64]
Targets = NDArray[np.int64] | NDArray[np.float32]
HELP = "a partition is iid, dirichlet:ALPHA or by-group"


def partition(
    spec: str,
    targets: Targets,
    groups: NDArray[np.generic] | None,
    nodes: int,
    rng: np.random.Generator,
    minimum: int = 10,
) -> list[Rows]:
    """Ascending row indices i64 per node: disjoint, and together all rows.

    "iid": equal shares at random.  "dirichlet:ALPHA": every class is shared out in proportions
    drawn from a Dirichlet distribution (Hsu et al. 2019, arXiv:1909.06335); small ALPHA, few
    classes a node.
    "by-group": a node per distinct value of `groups`, for instance per wearer.  But for the last,
    every node has `minimum` rows, or its equal share if there are too few.
    Raises ConfigError.
    """
    if not 1 <= nodes <= len(targets):
        raise ConfigError(f"{len(targets)} rows cannot be shared out to {nodes} nodes")
    if spec == "by-group":
        return _by_group(groups, len(targets), nodes)
    if spec == "iid":
        parts = np.array_split(rng.permutation(len(targets)), nodes)
    else:
        parts = _dirichlet(_alpha(spec), targets, nodes, rng)
        _even_out(parts, min(minimum, len(targets) // nodes), rng)
    return [np.sort(part) for part in parts]


def split_table(parts: Sequence[Rows], targets: NDArray[np.int64], names: Sequence[str]) -> str:
    """How many rows of each class every node has, as an aligned table."""
    counts = [np.bincount(targets[part], minlength=len(names)).tolist() for part in parts]
    body = [[str(i), *map(str, row), str(sum(row))] for i, row in enumerate(counts)]
    lines = [["node", *names, "rows"], *body]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        for line in lines
    )


def _alpha(spec: str) -> float:
    name, _, text = spec.partition(":")
    try:
        alpha = float(text) if name == "dirichlet" else math.nan
    except ValueError:
        alpha = math.nan
    if not 1e-3 <= alpha <= 1e6:
        raise ConfigError(f"{HELP}, ALPHA 0.001 to 1000000, not {spec[:40]!r}")
    return alpha


def _dirichlet(alpha: float, targets: Targets, nodes: int, rng: np.random.Generator) -> list[Rows]:
    if targets.ndim != 1:
        raise ConfigError("a dirichlet partition needs classes; share values out with iid")
    shares: list[list[Rows]] = [[] for _ in range(nodes)]
    for label in np.unique(targets):
        rows = rng.permutation(np.flatnonzero(targets == label))
        ends = np.cumsum(rng.dirichlet(np.full(nodes, alpha)))[:-1]
        for share, part in zip(shares, np.split(rows, (ends * len(rows)).astype(int)), strict=True):
            share.append(part)
    return [np.concatenate(share) for share in shares]


def _even_out(parts: list[Rows], minimum: int, rng: np.random.Generator) -> None:
    """Move random rows from the largest part to the smallest until all have `minimum`."""
    while True:
        sizes = [len(part) for part in parts]
        poor, rich = int(np.argmin(sizes)), int(np.argmax(sizes))
        if sizes[poor] >= minimum:
            return
        place = int(rng.integers(sizes[rich]))
        parts[poor] = np.append(parts[poor], parts[rich][place])
        parts[rich] = np.delete(parts[rich], place)


def _by_group(groups: NDArray[np.generic] | None, rows: int, nodes: int) -> list[Rows]:
    if groups is None or len(groups) != rows:
        raise ConfigError("by-group needs a group for every row; use iid or dirichlet:ALPHA")
    values = np.unique(groups)
    if len(values) != nodes:
        raise ConfigError(f"the data has {len(values)} groups: use as many nodes, not {nodes}")
    return [np.flatnonzero(groups == value) for value in values]
