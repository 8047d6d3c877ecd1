"""Options that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
import click

from gossipfl.config import NodeConfig
from gossipfl.errors import ConfigError

if TYPE_CHECKING:
    from gossipfl.learning.schema import Schema
    from gossipfl.learning.windows import Windowing
    from gossipfl.manifest import Manifest

F = TypeVar("F", bound=Callable[..., Any])

_MODEL_OPTIONS = (
    click.option(
        "--target",
        multiple=True,
        default=("y",),
        show_default=True,
        help="Column to predict; repeatable for a regression.",
    ),
    click.option(
        "--window",
        type=int,
        default=1,
        show_default=True,
        help="Rows of a time series that make one example.",
    ),
    click.option(
        "--stride",
        type=int,
        help="Rows from one window to the next.  [default: the window's length]",
    ),
    click.option(
        "--window-label",
        type=click.Choice(["last", "majority"]),
        default="last",
        show_default=True,
        help="Class of a window: that of its last row, or the commonest.",
    ),
    click.option(
        "--horizon",
        type=int,
        default=0,
        show_default=True,
        help="Forecast the target so many rows ahead.",
    ),
    click.option("--hidden", multiple=True, type=int, help="Width of a hidden layer; repeatable."),
    click.option("--linear", is_flag=True, help="No hidden layer: softmax or linear regression."),
    click.option(
        "--standardise",
        help='Agree on input scales by gossip: "feature", "channel:C" for windows, or "none".  '
        "[default: feature; with --window, each column is a channel]",
    ),
    click.option(
        "--basis",
        default="identity",
        show_default=True,
        help='Train in low frequencies: "dct1:TxC:M" for windows, "dct2:HxW:M" for images.',
    ),
    click.option(
        "--optimizer", type=click.Choice(["sgd", "adam"]), default="sgd", show_default=True
    ),
    click.option("--learning-rate", type=float, default=0.1, show_default=True),
    click.option("--momentum", type=float, default=0.0, show_default=True),
    click.option("--batch-size", type=int, default=16, show_default=True),
    click.option("--local-steps", type=int, default=5, show_default=True, help="Steps per round."),
    click.option("--seed", type=int, default=0, show_default=True, help="Of the initial model."),
)

_GOSSIP_OPTIONS = (
    click.option(
        "--scheme",
        type=click.Choice(["anchored", "plain"]),
        default="anchored",
        show_default=True,
        help="Compressed gossip, or whole models for comparison.",
    ),
    click.option(
        "--keep-ratio",
        type=float,
        default=0.02,
        show_default=True,
        help="Share of the parameters sent per message.",
    ),
)

_PARTITION_OPTIONS = (
    click.option(
        "--data",
        required=True,
        type=click.Path(path_type=Path),
        help="Readings to share out: .csv, .npz or .parquet.",
    ),
    click.option(
        "--partition",
        default="iid",
        show_default=True,
        help="How: iid, dirichlet:ALPHA or shards:K (small: few classes a node), quantity:ALPHA "
        "(small: unequal shares), feature:SIGMA (each node's sensors differ) or by-group.",
    ),
    click.option("--group", help="With by-group and a CSV: the column that tells the group."),
    click.option(
        "--test",
        type=click.Path(path_type=Path),
        help="Readings that judge the models.  Default: a fifth of --data, held back.",
    ),
)


def model_options(function: F) -> F:
    """What is learnt and how, as flags; `make_manifest` turns them into a manifest."""
    for option in reversed(_MODEL_OPTIONS):
        function = option(function)
    return function


def gossip_options(function: F) -> F:
    """How a cluster gossips, as flags; with `model_options` a whole manifest."""
    for option in reversed(_GOSSIP_OPTIONS):
        function = option(function)
    return function


def partition_options(function: F) -> F:
    """One data file and how it is shared out, as flags."""
    for option in reversed(_PARTITION_OPTIONS):
        function = option(function)
    return function


def model_source_options(function: F) -> F:
    """Which model to use, as flags; see `gossipfl.node.models.source`."""
    model = click.option(
        "--model",
        type=click.Path(path_type=Path),
        help="Model file, from `gossipfl train`.  Default: the model of the node here.",
    )
    state = click.option(
        "--state",
        type=click.Path(path_type=Path),
        default=NodeConfig().state,
        show_default=True,
        help="State directory of the node whose model to use.",
    )
    return model(state(function))


def make_manifest(
    name: str,
    settings: dict[str, Any],
    *,
    like: Path | None,
    without: str | None = None,
    features: int | None = None,
    classes: int = 0,
) -> "Manifest":
    """A manifest from `model_options`, with columns as in a file or just counted.

    without: a column of the file that is no feature.
    """
    from gossipfl.learning.sequential import perceptron
    from gossipfl.learning.settings import TrainingSettings
    from gossipfl.manifest import Manifest

    if like is not None and features is not None:
        raise ConfigError("describe the readings with --like or with --features, not with both")
    if like is not None:
        schema = _schema_like(like, settings, without)
    elif features is not None:
        schema = _schema_of(features, classes, settings)
    else:
        raise ConfigError("describe the readings with --like FILE, or with --features N")
    kept = ("basis", "scheme", "keep_ratio", "seed")
    training = ("optimizer", "learning_rate", "momentum", "batch_size", "local_steps")
    return Manifest(
        cluster=name,
        schema=schema,
        standardise=settings["standardise"] or _default_standardise(schema),
        layers=perceptron(() if settings["linear"] else settings["hidden"] or (32,)),
        training=TrainingSettings(**{key: settings[key] for key in training}),
        **{key: settings[key] for key in kept if key in settings},
    )


def _schema_like(like: Path, settings: dict[str, Any], without: str | None) -> "Schema":
    from gossipfl.learning.data import infer_schema

    schema = infer_schema(like, settings["target"], _windowing(settings))
    if without is None or isinstance(schema.columns, int):
        return schema
    return attrs.evolve(schema, columns=tuple(name for name in schema.columns if name != without))


def _schema_of(features: int, classes: int, settings: dict[str, Any]) -> "Schema":
    from gossipfl.learning.schema import Schema

    return Schema(
        columns=features,
        target=settings["target"],
        classes=tuple(map(str, range(classes))),
        values=len(settings["target"]),
        windowing=_windowing(settings),
    )


def _windowing(settings: dict[str, Any]) -> "Windowing":
    from gossipfl.learning.windows import Windowing

    length, stride = settings["window"], settings["stride"]
    return Windowing(
        length=length,
        stride=length if stride is None else stride,
        label=settings["window_label"],
        horizon=settings["horizon"],
    )


def _default_standardise(schema: "Schema") -> str:
    """All rows of a window share one scale per column, or a model could not see a trend."""
    length = schema.windowing.length
    return "feature" if length == 1 else f"channel:{schema.inputs // length}"
