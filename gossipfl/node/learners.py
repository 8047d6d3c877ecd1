"""What a node trains, and what keeps its inputs in step with what the cluster agrees on."""

from typing import Final

import numpy as np
from attrs import frozen

from gossipfl.adapters.frameworks import make_learner
from gossipfl.adapters.surroundings import NodeContext, parse_settings
from gossipfl.agreement import Agreement
from gossipfl.config import NodeConfig
from gossipfl.errors import ConfigError
from gossipfl.foreign import FRAMEWORKS, ForeignManifest
from gossipfl.learning.basis import Identity
from gossipfl.learning.data import read
from gossipfl.learning.dataset import Dataset, check_trainable, split_validation
from gossipfl.learning.learner import Learner
from gossipfl.learning.personal import personalise
from gossipfl.learning.statistics import moments_of
from gossipfl.learning.training import Trainer
from gossipfl.manifest import Manifest
from gossipfl.node.inputs import Inputs
from gossipfl.node.observer import Observer
from gossipfl.node.sharing import Sharing
from gossipfl.node.state.saved import ModelCheckpoint

OWNER_BYTES: Final = 8
NODE_ID_BYTES: Final = 7  # so that it fits a signed 64-bit integer, as Flower's ids do

Material = Dataset | Learner


@frozen(eq=False)
class Studies:
    """A learner, and the inputs that it reads."""

    learner: Learner
    inputs: Inputs


def open_material(
    config: NodeConfig, manifest: Agreement, own_key: bytes, observer: Observer
) -> Material:
    """What this device brings: readings, or an app of its own that has proved that it trains.

    Raises ConfigError, DataError or TrainingFailed.
    """
    given = {name: getattr(config, name.replace("-", "_")) for name in FRAMEWORKS}
    if isinstance(manifest, ForeignManifest):
        return _app(config, manifest, given, own_key, observer)
    assert isinstance(manifest, Manifest)
    for name, source in given.items():
        if source is not None:
            raise ConfigError(f"--{name}: this cluster trains a model of layers; give --data FILE")
    return _readings(config, manifest, observer)


def _app(
    config: NodeConfig,
    manifest: ForeignManifest,
    given: dict[str, str | None],
    own_key: bytes,
    observer: Observer,
) -> Learner:
    source = given[manifest.framework]
    if source is None:
        raise ConfigError(
            f"this cluster trains a {manifest.framework} model: say where yours is, "
            f"--{manifest.framework} package.module:name"
        )
    context = NodeContext(
        node_id=int.from_bytes(own_key[:NODE_ID_BYTES], "big"),
        node_config=parse_settings("--node-config", config.node_config),
        run_config=parse_settings("--run-config", config.run_config),
    )
    learner = make_learner(manifest, source, context)
    observer.emit("app.opened", app=source, framework=manifest.framework, rows=learner.samples)
    return learner


def _readings(config: NodeConfig, manifest: Manifest, observer: Observer) -> Dataset:
    if config.data is None:
        raise ConfigError("say what to learn from: --data FILE (.csv, .npz or .parquet)")
    readings = read(config.data, schema=manifest.schema)
    observer.emit("data.opened", path=str(config.data.resolve()), rows=len(readings))
    for warning in check_trainable(readings):
        observer.emit("data.warning", warning=warning)
    return readings


def make_studies(
    manifest: Agreement,
    material: Material,
    sharing: Sharing,
    own_key: bytes,
    *,
    validation: float,
    seed: int,
    saved: ModelCheckpoint | None,
) -> Studies:
    """The learner of this material, where `saved` left it.

    validation: share of the readings kept back.  seed: of the order of batches.
    Raises DataError when the readings do not suit the model, StateError when `saved` does not.
    """
    if not isinstance(material, Dataset):
        studies = Studies(material, Inputs([], Identity(), None))
    else:
        assert isinstance(manifest, Manifest)
        studies = _built_in(manifest, material, sharing, own_key, validation, seed)
    if saved is not None:
        studies.learner.restore(saved.trainer)
    return studies


def _built_in(
    manifest: Manifest,
    readings: Dataset,
    sharing: Sharing,
    own_key: bytes,
    validation: float,
    seed: int,
) -> Studies:
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
    split, initial = manifest.split(), manifest.initial_model()
    return Studies(personalise(trainer, split, manifest.personal, initial), inputs)


def _add_own_moments(manifest: Manifest, train: Dataset, sharing: Sharing, own_key: bytes) -> None:
    own = moments_of(train, own_key[:OWNER_BYTES], manifest.standardise)
    if own is not None:
        sharing.moments.add(own)
