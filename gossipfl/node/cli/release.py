"""`gossipfl release`: a better model or better settings for a running cluster, to some first."""

import json
from pathlib import Path
from typing import Any

import click

from gossipfl.errors import ConfigError
from gossipfl.node.cli.cluster import CLUSTER
from gossipfl.node.cli.options import AS_JSON, state_option
from gossipfl.wire.releases import MODEL, SETTINGS


@click.group()
def command() -> None:
    """Release a model or settings to a running cluster, slice by slice; watch it; take it back.

    \b
    gossipfl train --data all.csv --target activity --output better.model
    gossipfl release publish better.model --stages 5%,25%,100%
    gossipfl release publish --settings slower.toml
    gossipfl release status
    gossipfl release rollback
    """


OUTPUT = click.option(
    "--output", type=click.Path(path_type=Path), default=Path("release"), help="File to write."
)
VIA = click.option(
    "--via",
    type=click.Path(path_type=Path),
    help="Hand it to the node that runs here, by its state directory, instead of writing a file.",
)


def parse_stages(text: str) -> tuple[float, ...]:
    """Shares of 1, from percentages such as 5%,25%,100%."""
    try:
        return tuple(float(part.strip().removesuffix("%")) / 100 for part in text.split(","))
    except ValueError:
        raise ConfigError("stages are percentages, such as 5%,25%,100%") from None


@command.command()
@click.argument("model", type=click.Path(path_type=Path), required=False)
@click.option(
    "--settings",
    type=click.Path(path_type=Path),
    help="A TOML file with a table [training], whose keys differ from the cluster's own.",
)
@click.option(
    "--stages",
    type=parse_stages,
    default="5%,25%,100%",
    show_default=True,
    help="Shares of the devices that get it, one stage after the other passes.",
)
@click.option(
    "--judge-s",
    type=int,
    default=600,
    show_default=True,
    help="Seconds that each device uses it before it says what it is worth.",
)
@click.option(
    "--tolerance",
    type=click.FloatRange(0, 1),
    default=0.02,
    show_default=True,
    help="How much accuracy (or share of the loss) it may cost a device.",
)
@click.option(
    "--quorum",
    type=float,
    default=0.5,
    show_default=True,
    help="Share of a stage's devices that have to report before it passes.",
)
@OUTPUT
@VIA
@CLUSTER
def publish(
    model: Path | None,
    settings: Path | None,
    stages: tuple[float, ...],
    judge_s: int,
    tolerance: float,
    quorum: float,
    output: Path,
    via: Path | None,
    cluster: str | None,
) -> None:
    """Release the model file MODEL, of the cluster's own kind, or training settings.

    Settings that a file does not name are those that the cluster was created with.

    Copy the written file as `release` into the state directory of any one device that runs: it
    takes it within seconds and gossips it to all others.
    """
    from gossipfl.node.models.source import read_model_file
    from gossipfl.node.operator import Operator, find_cluster
    from gossipfl.node.publishing import deliver, read_changes, release_model, release_settings
    from gossipfl.releases.publishing import Plan

    if (model is None) == (settings is None):
        raise ConfigError("name a model file, or --settings FILE: one of them is released")
    plan = Plan(stages=stages, quorum=quorum, judge_s=judge_s, tolerance=round(1000 * tolerance))
    operator = Operator(find_cluster(cluster))
    if settings is not None:
        file = release_settings(operator, read_changes(settings), plan)
    else:
        assert model is not None
        file = release_model(operator, read_model_file(model), plan)
    newest = operator.newest_release(SETTINGS if settings else MODEL)
    assert newest is not None
    what = "settings release" if settings else "release"
    click.echo(f"{what.capitalize()} {newest.number} in {len(newest.stages)} stages")
    _tell_where(deliver(file, output, via), via)


@command.command()
@click.option("--settings", is_flag=True, help="The newest release of settings, not of a model.")
@OUTPUT
@VIA
@CLUSTER
def rollback(settings: bool, output: Path, via: Path | None, cluster: str | None) -> None:
    """Take the newest release back, also where it was adopted already.

    The file goes the way of the release itself.
    """
    from gossipfl.node.operator import Operator, find_cluster
    from gossipfl.node.publishing import deliver, withdraw_release

    operator = Operator(find_cluster(cluster))
    subject = SETTINGS if settings else MODEL
    file = withdraw_release(operator, subject)
    newest = operator.newest_release(subject)
    assert newest is not None
    click.echo(f"Release {newest.number} takes release {newest.withdraws} back")
    _tell_where(deliver(file, output, via), via)


def _tell_where(path: Path, via: Path | None) -> None:
    if via is None:
        click.echo(f"Wrote {path}; copy it to STATE/release on any one running device")
    else:
        click.echo(f"Handed to the node in {via}: see `gossipfl release status --state {via}`")


@command.command()
@state_option()
@AS_JSON
def status(state: Path, as_json: bool) -> None:
    """Ask the node that runs on this device how the newest release fares."""
    import trio

    from gossipfl.node.state.home import Home
    from gossipfl.node.status import ask

    answer = trio.run(ask, Home(state.expanduser()).status_socket, "status")
    found = {"release": answer["release"], "settings release": answer["settings_release"]}
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        for what, release in found.items():
            _print(what, release)


def _print(what: str, release: dict[str, Any] | None) -> None:
    from rich.console import Console
    from rich.table import Table

    from gossipfl.node.cli.status import tell_release

    console = Console(soft_wrap=True)
    console.print(f"{what} {tell_release(release)}" if release else f"no {what} is known here")
    if release is None or not release["stages"]:
        return
    table = Table("stage", "reports", "needed", "worse", "fails at", "median change", "", box=None)
    for number, stage in enumerate(release["stages"], 1):
        change = stage["median_change"]
        table.add_row(
            str(number),
            str(stage["reports"]),
            str(stage["quorum"]),
            ", ".join(stage["worse"]),
            str(stage["alarm"]),
            "" if change is None else f"{change:+.1%}",
            "passed" if stage["passed"] else "",
        )
    console.print(table)
