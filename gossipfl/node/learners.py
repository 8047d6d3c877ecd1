"""What a node trains, and what keeps its inputs in step with what the cluster agrees on."""

import numpy as np
from attrs import frozen

from gossipfl.learning.dataset import Dataset, split_validation
from gossipfl.learning.learner import Learner
from gossipfl.learning.statistics import moments_of
from gossipfl.learning.training import Trainer
from gossipfl.manifest import Manifest
from gossipfl.node.inputs import Inputs
from gossipfl.node.sharing import Sharing
from gossipfl.node.state.saved import ModelCheckpoint

OWNER_BYTES = 8


@frozen(eq=False)
class Studies:
    """A learner, and the inputs that it reads."""

    learner: Learner
    inputs: Inputs


def make_studies(
    manifest: Manifest,
    readings: Dataset,
    sharing: Sharing,
    own_key: bytes,
    *,
    validation: float,
    seed: int,
    saved: ModelCheckpoint | None,
) -> Studies:
    """The built-in learner on these readings, where `saved` left it.

    validation: share of the readings kept back.  seed: of the order of batches.
    Raises DataError when the readings do not suit the model, StateError when `saved` does not.
    """
    # The split depends on the device alone, so a restart holds back the same rows.
    split_rng = np.random.default_rng(list(own_key[:OWNER_BYTES]))
    train, held_back = split_validation(readings, validation, split_rng)
    inputs = Inputs(
        [train] if held_back is None else [train, held_back],
        manifest.input_basis(),
        sharing if manifest.standardises else None,
    )
    _add_own_moments(manifest, train, sharing, own_key)
    prepared = inputs.prepared
    trainer = Trainer(
        manifest.model(),
        prepared[0],
        prepared[1] if held_back is not None else None,
        manifest.training,
        seed=seed,
    )
    if saved is not None:
        trainer.restore(saved.trainer)
    return Studies(trainer, inputs)


def _add_own_moments(manifest: Manifest, train: Dataset, sharing: Sharing, own_key: bytes) -> None:
    own = moments_of(train, own_key[:OWNER_BYTES], manifest.standardise)
    if own is not None:
        sharing.moments.add(own)
