"""`gossipfl model`: look at a model before a cluster learns it, and shrink it afterwards."""

from pathlib import Path
from typing import Any

import click

from gossipfl.node.cli.learning_options import model_argument
from gossipfl.node.cli.manifests import make_manifest
from gossipfl.node.cli.options import model_source_options, readings_options


@click.group()
def command() -> None:
    """Show what a model is made of; make it small."""


@command.command()
@model_argument
@readings_options
def show(like: Path | None, features: int | None, classes: int, **settings: Any) -> None:
    """Show the layers of a model, what they hold and what they cost.

    MODEL is a TOML file, as for --model of the other commands; without one, flags say what it is.

    \b
    gossipfl model show model.toml --like readings.csv --target activity
    gossipfl model show --hidden 64 --features 12 --classes 5
    """
    from gossipfl.node.cli.models import print_model

    print_model(make_manifest("model", settings, like=like, features=features, classes=classes))


@command.command()
@click.argument("output", type=click.Path(path_type=Path))
@model_source_options
def quantise(output: Path, model: Path | None, state: Path, best: bool) -> None:
    """Write a model in 8-bit integers to the file OUTPUT, for predict and evaluate.

    It was trained with --quantise int8.

    \b
    gossipfl model quantise small.model                     (of the node here)
    gossipfl model quantise small.model --model all.model
    """
    from gossipfl.node.models.source import find_model, write_model_file

    found = find_model(model, state, best=best)
    integers = found.integers()
    write_model_file(output, integers)
    click.echo(f"wrote {output}: {found.size:,} bytes of parameters became {integers.size:,}")
