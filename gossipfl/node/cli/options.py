"""Options that several commands share, beside what is learnt (`learning_options`)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from gossipfl.config import NodeConfig

F = TypeVar("F", bound=Callable[..., Any])

_STATE = NodeConfig().state

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Everything, as JSON.")


def state_option(
    help: str = "The node's state directory.", default: Path = _STATE
) -> Callable[[F], F]:
    """--state, a directory that belongs to one node."""
    place = click.Path(path_type=Path)
    return click.option("--state", type=place, default=default, show_default=True, help=help)


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


def topology_option(**settings: Any) -> Callable[[F], F]:
    """Who may mix with whom, by name."""
    help = (
        "Who may mix: complete, ring, torus, random:4, base:2 and others, which `gossipfl topology "
        "list` explains, or edges:FILE."
    )
    return click.option("--topology", help=help + settings.pop("more", ""), **settings)


def model_source_options(function: F) -> F:
    """Which model to use, as flags; see `gossipfl.node.models.source`."""
    model = click.option(
        "--model",
        type=click.Path(path_type=Path),
        help="Model file, from `gossipfl train`.  Default: the model of the node here.",
    )
    state = state_option("State directory of the node whose model to use.")
    best = click.option(
        "--best",
        is_flag=True,
        help="Use the model that did best on the node's held-back readings, not the newest.",
    )
    return model(state(best(function)))


def int8_option(function: F) -> F:
    """Whether to run that model in integers."""
    help = "Run it in 8-bit integers; it was trained with --quantise int8."
    return click.option("--int8", is_flag=True, help=help)(function)
