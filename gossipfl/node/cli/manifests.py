"""A manifest from the flags and the model file of a command."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from gossipfl.errors import ConfigError
from gossipfl.node.cli.learning_options import BALANCED

if TYPE_CHECKING:
    from gossipfl.data.schema import Schema
    from gossipfl.data.windows import Windowing
    from gossipfl.learning.model_file import ModelFile
    from gossipfl.manifest import Manifest
    from gossipfl.models.layers import Layer


def make_manifest(
    name: str,
    settings: dict[str, Any],
    *,
    like: Path | None,
    without: str | None = None,
    features: int | None = None,
    classes: int = 0,
) -> "Manifest":
    """A manifest from a command's settings, with columns as in a file or just counted.

    without: a column of the file that is no feature.
    """
    if like is not None and features is not None:
        raise ConfigError("describe the readings with --like or with --features, not with both")
    if like is not None:
        schema = _schema_like(like, settings, without)
    elif features is not None:
        schema = _schema_of(features, classes, settings)
    else:
        raise ConfigError("describe the readings with --like FILE, or with --features N")
    weights = _class_weights(settings["class_weights"], schema, like)
    return _manifest(name, schema, {**settings, "class_weights": weights})


def _class_weights(given: Any, schema: "Schema", like: Path | None) -> Any:
    """The same on all nodes: weights by a node's own counts would give each an aim of its own."""
    if given != BALANCED:
        return given or ()
    from gossipfl.data.balance import balanced_weights
    from gossipfl.data.sources import read

    if like is None or not schema.classes:
        raise ConfigError("class weights are balanced by the classes of --like or --data")
    return balanced_weights(read(like, schema=schema), len(schema.classes))


def _manifest(name: str, schema: "Schema", settings: dict[str, Any]) -> "Manifest":
    from gossipfl.learning.settings import TrainingSettings
    from gossipfl.manifest import Manifest
    from gossipfl.models.personalisation import Personalisation

    file: ModelFile | None = settings["model"]
    training = {
        f.name: settings[f.name] for f in attrs.fields(TrainingSettings) if f.name in settings
    }
    parts: dict[str, Any] = {
        "standardise": settings["standardise"]
        or _default_standardise(schema, agreed=settings.get("trust") != "open"),
        "layers": _layers(file, settings),
        "shape": file.shape if file else (),
        "loss": settings["loss_function"],
        "personal": Personalisation(
            **{each.name: settings[each.name] for each in attrs.fields(Personalisation)}
        ),
        "training": TrainingSettings(**{**(file.training if file else {}), **training}),
    }
    kept = ("basis", "quantise", "scheme", "keep_ratio", "trust", "seed")
    parts |= {key: settings[key] for key in kept if key in settings}
    try:
        return Manifest(cluster=name, schema=schema, **parts)
    except ConfigError as error:
        raise ConfigError(f"{file.source}: {error}" if file else str(error)) from None


def _layers(file: "ModelFile | None", settings: dict[str, Any]) -> tuple["Layer", ...]:
    from gossipfl.models.sequential import perceptron

    if file is None or file.layers is None:
        return perceptron(() if settings["linear"] else settings["hidden"] or (32,))
    if settings["hidden"] or settings["linear"]:
        raise ConfigError(f"{file.source} has the layers: leave --hidden and --linear out")
    return file.layers


def _schema_like(like: Path, settings: dict[str, Any], without: str | None) -> "Schema":
    from gossipfl.data.sources import infer_schema

    schema = infer_schema(like, settings["target"], _windowing(settings))
    if without is None or isinstance(schema.columns, int):
        return schema
    return attrs.evolve(schema, columns=tuple(name for name in schema.columns if name != without))


def _schema_of(features: int, classes: int, settings: dict[str, Any]) -> "Schema":
    from gossipfl.data.schema import Schema

    return Schema(
        columns=features,
        target=settings["target"],
        classes=tuple(map(str, range(classes))),
        values=len(settings["target"]),
        windowing=_windowing(settings),
    )


def _windowing(settings: dict[str, Any]) -> "Windowing":
    from gossipfl.data.windows import Windowing

    length, stride = settings["window"], settings["stride"]
    return Windowing(
        length=length,
        stride=length if stride is None else stride,
        label=settings["window_label"],
        horizon=settings["horizon"],
    )


def _default_standardise(schema: "Schema", *, agreed: bool) -> str:
    """All rows of a window share one scale per column, or a model could not see a trend.

    agreed: not where members may lie, since one could shift the scales of all.
    """
    length = schema.windowing.length
    grouping = "feature" if length == 1 else f"channel:{schema.inputs // length}"
    return grouping if agreed else f"local:{grouping}"
