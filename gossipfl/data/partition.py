"""Splitting one data set over many nodes, for demonstrations and experiments."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gossipfl.data.dataset import Dataset
from gossipfl.errors import ConfigError

Rows = NDArray[np.int64]
Targets = NDArray[np.int64] | NDArray[np.float32]
Floats = NDArray[np.float32]
HELP = "a partition is iid, dirichlet:ALPHA, shards:K, quantity:ALPHA, feature:SIGMA or by-group"
# name -> letter of the argument, if it takes one, and its lowest and highest value.
ARGUMENTS = {
    "iid": ("", 0.0, 0.0),
    "dirichlet": ("ALPHA", 1e-3, 1e6),
    "shards": ("K", 1, 1000),
    "quantity": ("ALPHA", 1e-3, 1e6),
    "feature": ("SIGMA", 0, 10),
    "by-group": ("", 0.0, 0.0),
}


def parse_partition(spec: str) -> tuple[str, float]:
    """(name, argument) of a partition; 0 for those that take none.  Raises ConfigError."""
    name, colon, text = spec.partition(":")
    if name not in ARGUMENTS:
        raise ConfigError(f"{HELP}, not {spec[:40]!r}")
    letter, low, high = ARGUMENTS[name]
    if not letter:
        if colon:
            raise ConfigError(f"the partition {name} takes no argument, not {text[:40]!r}")
        return name, 0.0
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not low <= value <= high or (letter == "K" and not value.is_integer()):
        kind = "a whole number" if letter == "K" else "a number"
        raise ConfigError(f"{HELP}, {letter} {kind} {low:g} to {high:g}, not {spec[:40]!r}")
    return name, value


def partition(
    spec: str,
    targets: Targets,
    groups: NDArray[np.generic] | None,
    nodes: int,
    rng: np.random.Generator,
    minimum: int = 10,
) -> list[Rows]:
    """Ascending row indices i64 per node: disjoint, and together all rows.

    "iid": equal shares at random; "feature:SIGMA" too, see `skew_features`.
    "dirichlet:ALPHA": every class is shared out in proportions drawn from a Dirichlet distribution
    (Hsu et al. 2019, arXiv:1909.06335); small ALPHA, few classes a node.
    "shards:K": rows sorted by target, cut into K shards a node and dealt out (McMahan et al. 2017,
    arXiv:1602.05629); small K, few classes a node.
    "quantity:ALPHA": the sizes of the shares are drawn from a Dirichlet distribution (Li et al.
    2022, arXiv:2102.02079); small ALPHA, few nodes have most rows.
    "by-group": a node per distinct value of `groups`, for instance per wearer.
    But for the last, and shards, every node has `minimum` rows, or its equal share if there are
    too few.  Raises ConfigError.
    """
    name, value = parse_partition(spec)
    if not 1 <= nodes <= len(targets):
        raise ConfigError(f"{len(targets)} rows cannot be shared out to {nodes} nodes")
    if name == "by-group":
        return _by_group(groups, len(targets), nodes)
    if name in ("iid", "feature"):
        parts = np.array_split(rng.permutation(len(targets)), nodes)
    elif name == "shards":
        parts = _shards(int(value), targets, nodes, rng)
    else:
        share_out = _dirichlet if name == "dirichlet" else _quantity
        parts = share_out(value, targets, nodes, rng)
        _even_out(parts, min(minimum, len(targets) // nodes), rng)
    return [np.sort(part) for part in parts]


def share_rows(
    spec: str,
    rows: Dataset,
    groups: NDArray[np.generic] | None,
    nodes: int,
    channels: int,
    rng: np.random.Generator,
) -> list[Dataset]:
    """What each node gets: `partition`, and for "feature:SIGMA" each node's sensors as well.

    channels: columns of a reading, of which a window's features repeat.
    """
    name, value = parse_partition(spec)
    parts = [rows.take(share) for share in partition(spec, rows.targets, groups, nodes, rng)]
    if name != "feature":
        return parts
    return [
        part.with_features(skew_features(part.features, value, channels, rng), part.columns)
        for part in parts
    ]


def skew_features(
    features: Floats, sigma: float, channels: int, rng: np.random.Generator
) -> Floats:
    """f32[n, f] as another sensor would have measured them: a gain and an offset a channel.

    Feature i is of channel i % channels.  Gains are log-normal and offsets normal, both of spread
    `sigma`, offsets in units of the channel's deviation in these rows.
    """
    grouped = features.reshape(-1, channels).astype(np.float64)
    gains = np.exp(sigma * rng.normal(size=channels))
    offsets = sigma * rng.normal(size=channels) * grouped.std(0)
    limit = np.finfo(np.float32).max
    skewed = np.clip(grouped * gains + offsets, -limit, limit)
    return np.ascontiguousarray(skewed.reshape(features.shape), np.float32)


def shift_of(part: Floats, features: Floats) -> float:
    """How far the features of a part are from all of them: mean distance in deviations."""
    varies = np.ptp(features, axis=0) > 0
    return float(np.abs(shifts_of(part, features)[varies]).mean()) if varies.any() else 0.0


def shifts_of(part: Floats, features: Floats) -> NDArray[np.float64]:
    """f64[f]: how far the mean of each feature of a part is from that of all, in deviations."""
    deviation = features.std(0, dtype=np.float64)
    offset = part.mean(0, dtype=np.float64) - features.mean(0, dtype=np.float64)
    found: NDArray[np.float64] = offset / np.where(deviation > 0, deviation, 1.0)
    return found


def split_table(parts: Sequence[NDArray[np.int64]], names: Sequence[str]) -> str:
    """How many rows of each class every node has, from its class indices, as an aligned table."""
    counts = [np.bincount(part, minlength=len(names)).tolist() for part in parts]
    body = [[str(i), *map(str, row), str(sum(row))] for i, row in enumerate(counts)]
    lines = [["node", *names, "rows"], *body]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        for line in lines
    )


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


def _shards(count: int, targets: Targets, nodes: int, rng: np.random.Generator) -> list[Rows]:
    if nodes * count > len(targets):
        raise ConfigError(
            f"{len(targets)} rows make no {nodes * count} shards; use fewer nodes or a smaller K"
        )
    mixed = rng.permutation(len(targets))
    keys = targets.reshape(len(targets), -1)[mixed, 0]
    shards = np.array_split(mixed[np.argsort(keys, kind="stable")], nodes * count)
    dealt = rng.permutation(nodes * count).reshape(nodes, count)
    return [np.concatenate([shards[i] for i in hand]) for hand in dealt]


def _quantity(alpha: float, targets: Targets, nodes: int, rng: np.random.Generator) -> list[Rows]:
    ends = np.cumsum(rng.dirichlet(np.full(nodes, alpha)))[:-1]
    return np.split(rng.permutation(len(targets)), (ends * len(targets)).astype(int))


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
