"""What is learnt and how, as flags of every command that makes a manifest."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

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


# What an example is, and what is predicted.
_EXAMPLES = (
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
)
# The model.
_LAYERS = (
    click.option("--hidden", multiple=True, type=int, help="Width of a hidden layer; repeatable."),
    click.option("--linear", is_flag=True, help="No hidden layer: softmax or linear regression."),
    click.option(
        "--standardise",
        help='Agree on input scales by gossip: "feature", "channel:C" for windows, or "none"; '
        '"local:feature" or "local:channel:C" leaves them to each node.  '
        "[default: feature; with --window, each column is a channel; local with --trust open]",
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
    click.option("--seed", type=int, default=0, show_default=True, help="Of the initial model."),
)
# How a node trains.
_TRAINING = (
    click.option(
        "--quantise",
        type=click.Choice(["none", "int8"]),
        default="none",
        show_default=True,
        help="Train a model that can run in 8-bit integers.",
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
)
# What stays a node's own.
_PERSONAL = (
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
)


def model_options(function: F) -> F:
    """What is learnt and how, as flags; `gossipfl.node.cli.manifests` makes a manifest of them."""
    help = "TOML file with the layers and how to train; flags override it."
    return click.option("--model", **_FILE, help=help)(_with_settings(function))


def model_argument(function: F) -> F:
    """The same, but the file is the command's argument."""
    return click.argument("model", **_FILE, required=False)(_with_settings(function))


def _with_settings(function: F) -> F:
    for option in reversed((*_EXAMPLES, *_LAYERS, *_TRAINING, *_PERSONAL)):
        function = option(function)
    return function
