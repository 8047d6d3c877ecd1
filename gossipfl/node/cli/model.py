"""`gossipfl model`: look at a model before a cluster learns it."""

from pathlib import Path
from typing import Any

import click

from gossipfl.node.cli.learning_options import model_argument
from gossipfl.node.cli.manifests import make_manifest
from gossipfl.node.cli.options import readings_options


@click.group()
def command() -> None:
    """Show what a model is made of."""


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
