"""From "package.module:name" to a model that a node can train, for every framework."""

from collections.abc import Mapping
from typing import Any

from gossipfl.adapters.arrays import ArraySpec, Layout, describe
from gossipfl.adapters.learner import ForeignLearner, ForeignModel, guarded
from gossipfl.adapters.loading import load, make
from gossipfl.adapters.numpy_client import NumPyModel
from gossipfl.adapters.sklearn import EstimatorModel
from gossipfl.adapters.surroundings import NodeContext
from gossipfl.adapters.torch import ModuleModel, module_arrays
from gossipfl.errors import ConfigError
from gossipfl.foreign import ForeignManifest


def make_learner(manifest: ForeignManifest, source: str, context: NodeContext) -> ForeignLearner:
    """The learner of the app that `source` names.  It trains once, to see that it works.

    Raises ConfigError or TrainingFailed when it does not suit the agreement.
    """
    model = _open(manifest.framework, load(source), manifest.layout, context)
    learner = ForeignLearner(manifest.layout, model, corrected=manifest.corrected)
    learner.try_out(manifest.initial())
    return learner


def _open(framework: str, found: Any, layout: Layout, context: NodeContext) -> ForeignModel:
    if framework == "flower":
        from gossipfl.adapters.flower import FlowerModel  # takes a second, and flwr installed

        return FlowerModel(found, layout, context)
    return _self_describing(framework, found, context)


def _self_describing(
    framework: str, found: Any, context: NodeContext
) -> NumPyModel | EstimatorModel | ModuleModel:
    if framework == "numpy-client":
        return NumPyModel(found, context)
    task = make(found, context)
    return EstimatorModel(task) if framework == "sklearn" else ModuleModel(task)


def find_arrays(
    framework: str, source: str, arrays: str | None, context: NodeContext
) -> tuple[ArraySpec, ...]:
    """What the app that `source` names learns; `arrays` names a maker of them instead, if given.

    Raises ConfigError or TrainingFailed.
    """
    if arrays is not None:
        made = make(load(arrays), context)
        return describe(guarded("making of arrays", _plain, made))
    return describe(guarded("making of arrays", _ask, framework, load(source), context))


def _ask(framework: str, found: Any, context: NodeContext) -> dict[str, Any]:
    if framework == "flower":
        from gossipfl.adapters.flower import initial_arrays

        return initial_arrays(found, context)
    return _self_describing(framework, found, context).initial_arrays()


def _plain(made: Any) -> dict[str, Any]:
    """Arrays by name, from a torch module, a map, or a list of arrays, whose names are numbers."""
    if hasattr(made, "state_dict"):
        return module_arrays(made)
    if isinstance(made, list | tuple):
        made = dict(enumerate(made))
    if not isinstance(made, Mapping):
        raise ConfigError(
            f"--arrays names a maker of a {type(made).__name__}, not of a torch module, a map or a "
            "list of arrays"
        )
    return {str(name): _array(value) for name, value in made.items()}


def _array(value: Any) -> Any:
    """Tensors and Flower's arrays know how to become NumPy arrays."""
    return value.numpy() if hasattr(value, "numpy") else value
