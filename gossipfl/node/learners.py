"""What a node trains, and what keeps its inputs in step with what the cluster agrees on."""

from collections.abc import Callable
from typing import Final

from attrs import frozen

from gossipfl.adapters.frameworks import make_learner
from gossipfl.adapters.surroundings import NodeContext, parse_settings
from gossipfl.agreement import Agreement
from gossipfl.central.bystander import Bystander
from gossipfl.central.coordinator import Coordinator
from gossipfl.config import NodeConfig
from gossipfl.errors import ConfigError
from gossipfl.foreign import FRAMEWORKS, ForeignManifest
from gossipfl.learning.learner import Learner
from gossipfl.learning.personal import personalise
from gossipfl.learning.training import Trainer
from gossipfl.manifest import Manifest
from gossipfl.node.inputs import Inputs, PreparedInputs
from gossipfl.node.observer import Observer
from gossipfl.node.sharing import Sharing
from gossipfl.node.state.saved import ModelCheckpoint
from gossipfl.node.supply import Supply, open_supply

OWNER_BYTES: Final = 8
NODE_ID_BYTES: Final = 7  # so that it fits a signed 64-bit integer, as Flower's ids do

# Readings, an app that trains, or what a seed leads others with.
Material = Supply | Learner | Coordinator
# From a node's settings, agreement and key; it may report what it found.
Bring = Callable[[NodeConfig, Agreement, bytes, Observer], Material]


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
    return open_supply(config, manifest.schema, own_key, observer)


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


def make_studies(
    manifest: Agreement,
    material: Material,
    sharing: Sharing,
    own_key: bytes,
    *,
    seed: int,
    saved: ModelCheckpoint | None,
) -> Studies:
    """The learner of this material, where `saved` left it.

    seed: of the order of batches.
    Raises DataError when the readings do not suit the model, StateError when `saved` does not.
    """
    if isinstance(material, Supply):
        assert isinstance(manifest, Manifest)
        studies = _built_in(manifest, material, sharing, own_key, seed)
    elif isinstance(material, Coordinator):
        bystander = Bystander(material, manifest.parameters, manifest.whole)
        studies = Studies(bystander, Inputs())
    else:
        studies = Studies(material, Inputs())
    if saved is not None:
        studies.learner.restore(saved.trainer)
    return studies


def _built_in(
    manifest: Manifest, supply: Supply, sharing: Sharing, own_key: bytes, seed: int
) -> Studies:
    inputs = PreparedInputs(supply, manifest, sharing, own_key[:OWNER_BYTES])
    trainer = Trainer(
        manifest.model(), inputs.train, inputs.held_back, manifest.training, seed=seed
    )
    inputs.replace_rows = trainer.replace_rows
    split, initial = manifest.split(), manifest.initial_model()
    return Studies(personalise(trainer, split, manifest.personal, initial), inputs)
