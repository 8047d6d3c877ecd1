"""Options that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import attrs
import click

from gossipfl.config import NodeConfig
from gossipfl.errors import ConfigError

if TYPE_CHECKING:
    from gossipfl.learning.layers import Layer
    from gossipfl.learning.model_file import ModelFile
    from gossipfl.learning.schema import Schema
    from gossipfl.learning.windows import Windowing
    from gossipfl.manifest import Manifest

F = TypeVar("F", bound=Callable[..., Any])
BALANCED: Final = "balanced"


def _take_file(context: click.Context, _: click.Parameter, path: Path | None) -> Any:
    """The ModelFile; what it sets beside the layers becomes the default of the other flags."""
    if path is None:
        return None
    from gossipfl.learning.model_file import read_model

    file = read_model(path)
    context.default_map = {**file.settings, **file.training}
    return file


# Eager, so that it is read before the flags that override it.
_FILE: Final[dict[str, Any]] = {
    "type": click.Path(path_type=Path),
    "is_eager": True,
    "callback": _take_file,
}


def _take_weights(context: click.Context, parameter: click.Parameter, given: Any) -> Any:
    """None, BALANCED, or numbers: a text with commas, or what a model file has."""
    if not isinstance(given, str) or given == BALANCED:
        return given
    try:
        return tuple(map(float, given.split(",")))
    except ValueError:
        message = f'{given[:80]!r} is neither "{BALANCED}" nor numbers with commas between them'
        raise click.BadParameter(message, context, parameter) from None


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
        help='Agree on input scales by gossip: "feature", "channel:C" for windows, or "none"; '
        '"local:feature" or "local:channel:C" leaves them to each node.  '
        "[default: feature; with --window, each column is a channel]",
    ),
    click.option(
        "--basis",
        default="identity",
        show_default=True,
        help='Train in low frequencies: "dct1:TxC:M" for windows, "dct2:HxW:M" for images.',
    ),
    click.option(
        "--loss-function",
        default="auto",
        show_default=True,
        help="cross-entropy for classes, squared-error for values (auto), binary for one logit "
        "of two classes or targets 0 and 1, huber for values with outliers.",
    ),
    click.option(
        "--class-weights",
        type=click.UNPROCESSED,
        callback=_take_weights,
        help='How much a row of each class counts: W,W,... or "balanced", from the counts in the '
        "file that the cluster is made from.  [default: all alike]",
    ),
    click.option(
        "--optimizer", type=click.Choice(["sgd", "adam", "adamw"]), default="sgd", show_default=True
    ),
    click.option("--learning-rate", type=float, default=0.1, show_default=True),
    click.option(
        "--schedule",
        default="constant",
        show_default=True,
        help="How the learning rate falls with a node's own steps: constant, cosine:STEPS, "
        "inverse:STEPS (half after STEPS) or step:STEPS:FACTOR; never below a hundredth.",
    ),
    click.option(
        "--warmup-steps",
        type=int,
        default=0,
        show_default=True,
        help="First steps, in which the learning rate rises to its full height.",
    ),
    click.option(
        "--momentum",
        type=float,
        default=0.0,
        show_default=True,
        help="Share of the last step that SGD keeps.",
    ),
    click.option("--nesterov", is_flag=True, help="Let SGD look ahead along its momentum."),
    click.option(
        "--weight-decay",
        type=float,
        default=0.0,
        show_default=True,
        help="L2 regularisation; with adamw decoupled from the gradient.",
    ),
    click.option(
        "--clip-norm",
        type=float,
        default=0.0,
        show_default=True,
        help="Cut gradients to this length; 0 does not.",
    ),
    click.option(
        "--proximal",
        type=float,
        default=0.0,
        show_default=True,
        help="FedProx's mu: hold local steps back, for very different nodes; 0 does not.",
    ),
    click.option("--batch-size", type=int, default=16, show_default=True),
    click.option("--local-steps", type=int, default=5, show_default=True, help="Steps per round."),
    click.option(
        "--private",
        multiple=True,
        help='Layer that never leaves its node: "head", "norm", or as `model show` names it; '
        "repeatable.",
    ),
    click.option(
        "--private-steps",
        type=int,
        default=0,
        help="Steps of a round for the private layers alone; 0: together with the others.",
    ),
    click.option(
        "--fine-tune",
        type=int,
        default=0,
        help="Steps on own rows before a node's model is judged or used.",
    ),
    click.option("--seed", type=int, default=0, show_default=True, help="Of the initial model."),
)

_READINGS_OPTIONS = (
    click.option(
        "--like", type=click.Path(path_type=Path), help="A data file like the devices' own."
    ),
    click.option(
        "--features",
        type=click.IntRange(1),
        help="Number of feature columns, when there is no --like.",
    ),
    click.option(
        "--classes",
        type=click.IntRange(0),
        default=0,
        help="Number of classes; 0 predicts a number.",
    ),
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
    click.option(
        "--trust",
        type=click.Choice(["closed", "open"]),
        default="closed",
        show_default=True,
        help="Trust every admitted device, or none: open costs some accuracy; take views of 8.",
    ),
)

_PARTITION_OPTIONS = (
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
    help = "TOML file with the layers and how to train; flags override it."
    return click.option("--model", **_FILE, help=help)(_with_settings(function))


def model_argument(function: F) -> F:
    """The same, but the file is the command's argument."""
    return click.argument("model", **_FILE, required=False)(_with_settings(function))


def _with_settings(function: F) -> F:
    for option in reversed(_MODEL_OPTIONS):
        function = option(function)
    return function


def readings_options(function: F) -> F:
    """What the readings look like: as those in a file, or just counted."""
    for option in reversed(_READINGS_OPTIONS):
        function = option(function)
    return function


def gossip_options(function: F) -> F:
    """How a cluster gossips, as flags; with `model_options` a whole manifest."""
    for option in reversed(_GOSSIP_OPTIONS):
        function = option(function)
    return function


def partition_options(*, required: bool = True) -> Callable[[F], F]:
    """One data file and how it is shared out, as flags."""
    data = click.option(
        "--data",
        required=required,
        type=click.Path(path_type=Path),
        help="Readings to share out: .csv, .npz or .parquet.",
    )

    def decorate(function: F) -> F:
        for option in reversed((data, *_PARTITION_OPTIONS)):
            function = option(function)
        return function

    return decorate


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
    best = click.option(
        "--best",
        is_flag=True,
        help="Use the model that did best on the node's held-back readings, not the newest.",
    )
    return model(state(best(function)))


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
    from gossipfl.learning.balance import balanced_weights
    from gossipfl.learning.data import read

    if like is None or not schema.classes:
        raise ConfigError("class weights are balanced by the classes of --like or --data")
    return balanced_weights(read(like, schema=schema), len(schema.classes))


def _manifest(name: str, schema: "Schema", settings: dict[str, Any]) -> "Manifest":
    from gossipfl.learning.personalisation import Personalisation
    from gossipfl.learning.settings import TrainingSettings
    from gossipfl.manifest import Manifest

    file: ModelFile | None = settings["model"]
    training = {
        f.name: settings[f.name] for f in attrs.fields(TrainingSettings) if f.name in settings
    }
    parts: dict[str, Any] = {
        "standardise": settings["standardise"] or _default_standardise(schema),
        "layers": _layers(file, settings),
        "shape": file.shape if file else (),
        "loss": settings["loss_function"],
        "personal": Personalisation(
            **{each.name: settings[each.name] for each in attrs.fields(Personalisation)}
        ),
        "training": TrainingSettings(**{**(file.training if file else {}), **training}),
    }
    kept = ("basis", "scheme", "keep_ratio", "trust", "seed")
    parts |= {key: settings[key] for key in kept if key in settings}
    try:
        return Manifest(cluster=name, schema=schema, **parts)
    except ConfigError as error:
        raise ConfigError(f"{file.source}: {error}" if file else str(error)) from None


def _layers(file: "ModelFile | None", settings: dict[str, Any]) -> tuple["Layer", ...]:
    from gossipfl.learning.sequential import perceptron

    if file is None or file.layers is None:
        return perceptron(() if settings["linear"] else settings["hidden"] or (32,))
    if settings["hidden"] or settings["linear"]:
        raise ConfigError(f"{file.source} has the layers: leave --hidden and --linear out")
    return file.layers


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
