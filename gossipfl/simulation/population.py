"""From one data set to many nodes: shares, standardisation, trainers."""

from collections.abc import Sequence

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from gossipfl.data.dataset import Dataset, split_validation
from gossipfl.data.partition import share_rows
from gossipfl.data.pipeline import own_scale, prepare
from gossipfl.data.statistics import MomentSet, Scale, groups_of, moments_of
from gossipfl.errors import DataError
from gossipfl.learning.personal import personalise
from gossipfl.learning.training import Trainer
from gossipfl.manifest import Manifest
from gossipfl.simulation.chance import stream
from gossipfl.simulation.threat import NO_THREAT, Threat
from gossipfl.simulation.world import Member

Groups = NDArray[np.generic]
Floats = NDArray[np.float32]


@frozen(kw_only=True, eq=False)
class Rows:
    """train: for the nodes, with a group per row if any; validation and test: for nobody."""

    train: Dataset
    validation: Dataset
    test: Dataset
    groups: Groups | None = None


def split_rows(
    data: Dataset, test: Dataset | None, groups: Groups | None, share: float, seed: int
) -> Rows:
    """Hold back `share` of the rows for validation, and as many again for a test if none is given.

    Raises DataError when too few rows are left.
    """
    places = Dataset(
        features=np.arange(len(data), dtype=np.float32).reshape(-1, 1),
        targets=data.targets,
        columns=("place",),
        source=data.source,
        reach=data.reach,
    )
    rng = stream(seed, "split")
    if test is None:
        places, held = split_validation(places, share, rng)
        test = data.take(_places(held))
    places, held = split_validation(places, share, rng)
    validation, kept = data.take(_places(held)), _places(places)
    chosen = None if groups is None else groups[kept]
    return Rows(train=data.take(kept), validation=validation, test=test, groups=chosen)


def _places(part: Dataset | None) -> NDArray[np.int64]:
    if part is None:
        raise DataError("too few rows to hold any back: give more, or a larger share")
    return part.features[:, 0].astype(np.int64)


def populate(
    manifest: Manifest,
    rows: Rows,
    spec: str,
    nodes: int,
    seed: int,
    own_validation: float = 0.0,
    threat: Threat = NO_THREAT,
) -> list[Member]:
    """Share the rows out as `spec` says (see data/partition.py) and prepare every node.

    The nodes agree on input statistics before the first round; what that costs is not simulated.
    own_validation: share of its rows that every node holds back.
    threat: attackers among the nodes may spoil their rows.
    Raises ConfigError and DataError.
    """
    schema, rng = manifest.schema, stream(seed, "partition")
    channels = schema.inputs // schema.windowing.length
    shares = share_rows(spec, rows.train, rows.groups, nodes, channels, rng)
    parts = threat.poison(shares, len(schema.classes))
    splits = [
        split_validation(part, own_validation, stream(seed, "own", number))
        if own_validation
        else (part, None)
        for number, part in enumerate(parts)
    ]
    scales = _scales(manifest, [train for train, _ in splits])
    seeds = stream(seed, "trainers").integers(2**32, size=nodes).tolist()
    initial = manifest.initial_model()
    return [
        _member(manifest, initial, train, held, scale, own_seed)
        for (train, held), scale, own_seed in zip(splits, scales, seeds, strict=True)
    ]


def _member(
    manifest: Manifest,
    initial: Floats,
    train: Dataset,
    held: Dataset | None,
    scale: Scale | None,
    seed: int,
) -> Member:
    basis, split = manifest.input_basis(), manifest.split()
    judged = None if held is None else prepare(basis, held, scale)
    rows = prepare(basis, train, scale)
    trainer = Trainer(manifest.model(), rows, judged, manifest.training, seed=seed)
    learner = personalise(trainer, split, manifest.personal, initial)
    activity = 2 * manifest.keep_ratio
    caution = manifest.make_caution(seed)
    return Member(learner, rows, initial[split.shared], activity, scale, judged, caution)


def _scales(manifest: Manifest, parts: Sequence[Dataset]) -> list[Scale | None]:
    """Per node; one and the same object where the nodes agree."""
    if manifest.pools_statistics:
        return [_agreed_scale(manifest, parts)] * len(parts)
    return [own_scale(manifest.standardise, part) for part in parts]


def _agreed_scale(manifest: Manifest, parts: Sequence[Dataset]) -> Scale:
    moments = MomentSet(groups_of(manifest.standardise, manifest.schema.inputs))
    for number, part in enumerate(parts):
        own = moments_of(part, number.to_bytes(8, "big"), manifest.standardise)
        if own is not None:
            moments.add(own)
    return moments.scale()
