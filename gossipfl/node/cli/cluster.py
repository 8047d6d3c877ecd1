"""`gossipfl cluster`: the operator creates a cluster, admits devices and revokes them."""

from pathlib import Path
from typing import Any

import click

from gossipfl.node.cli.apps import app_options, make_foreign
from gossipfl.node.cli.learning_options import model_options
from gossipfl.node.cli.manifests import make_manifest
from gossipfl.node.cli.options import gossip_options, readings_options


@click.group()
def command() -> None:
    """Create a cluster, admit devices, revoke them, show them.

    The operator's directory (~/.gossipfl/clusters/NAME) holds the authority key: back it up, and
    keep it off the devices.
    """


CLUSTER = click.option(
    "--cluster", help="Cluster name or directory; needed only when there are several."
)


@command.command()
@click.argument("name")
@click.option("--directory", type=click.Path(path_type=Path), help="Where to keep the cluster.")
@readings_options
@model_options
@app_options
@gossip_options
def create(
    name: str,
    directory: Path | None,
    like: Path | None,
    features: int | None,
    classes: int,
    **settings: Any,
) -> None:
    """Create the cluster NAME: its authority key and the model that it will learn.

    \b
    gossipfl cluster create home --like readings.csv --target activity
    gossipfl cluster create lab --flower quickstart.client_app:app --arrays quickstart.task:Net
    """
    from gossipfl.node.cli.models import print_agreement
    from gossipfl.node.operator import CLUSTERS, Operator

    path = directory or CLUSTERS.expanduser() / name
    foreign = make_foreign(name, settings, beside=("name", "directory"))
    manifest = foreign or make_manifest(
        name, settings, like=like, features=features, classes=classes
    )
    operator = Operator.create(path, manifest)
    click.echo(f"Created cluster {name} in {path}")
    print_agreement(operator.manifest)
    click.echo("Next: run `gossipfl key` on each device, then here")
    click.echo("      gossipfl cluster admit NAME --public-key KEY")


@command.command()
@click.argument("name")
@click.option("--public-key", required=True, help="What `gossipfl key` printed on the device.")
@click.option(
    "--role",
    multiple=True,
    type=click.Choice(["peer", "seed", "gateway"]),
    default=("peer",),
    show_default=True,
)
@click.option("--valid-days", type=int, default=3650, show_default=True)
@click.option("--output", type=click.Path(path_type=Path), help="Join file.  Default: NAME.join")
@CLUSTER
def admit(
    name: str,
    public_key: str,
    role: tuple[str, ...],
    valid_days: int,
    output: Path | None,
    cluster: str | None,
) -> None:
    """Admit the device NAME and write its join file.

    The file is sealed for that device: send it by any way you like, nobody else can read it.
    """
    from gossipfl.node.operator import Operator, find_cluster
    from gossipfl.node.state.home import write_private
    from gossipfl.security.identity import decode_public

    operator = Operator(find_cluster(cluster))
    join_file = operator.admit(name, decode_public(public_key), role, valid_days)
    path = output or Path(f"{name}.join")
    write_private(path, join_file)
    framework = getattr(operator.manifest, "framework", None)
    source = f"--{framework} PKG.MODULE:NAME" if framework else "--data FILE"
    run = f"seed --join {path.name}" if "seed" in role else f"node --join {path.name} {source}"
    click.echo(f"Wrote {path}; on {name}: gossipfl {run}")


@command.command()
@click.argument("name")
@click.option("--output", type=click.Path(path_type=Path), default=Path("revocations"))
@CLUSTER
def revoke(name: str, output: Path, cluster: str | None) -> None:
    """Shut the device NAME out, from as soon as the list reaches its neighbours.

    Copy the written file as `revocations` into the state directory of any one device that runs:
    it takes it within seconds and gossips it to all others.
    """
    from gossipfl.node.operator import Operator, find_cluster
    from gossipfl.node.state.home import write_private

    write_private(output, Operator(find_cluster(cluster)).revoke(name))
    click.echo(f"Wrote {output}; copy it to STATE/revocations on any one running device")


@command.command()
@CLUSTER
def show(cluster: str | None) -> None:
    """Show the model and every device that was admitted."""
    from rich.console import Console
    from rich.table import Table

    from gossipfl.node.operator import Operator, find_cluster
    from gossipfl.security.identity import encode_public

    operator = Operator(find_cluster(cluster))
    manifest = operator.manifest
    console = Console(soft_wrap=True)  # keys and ids are copied: never broken, never cut
    console.print(f"cluster {manifest.cluster}, id {operator.cluster_id.hex()}")
    console.print(f"model {manifest.summary()}, manifest {manifest.id.hex()}")
    table = Table(box=None, pad_edge=False)
    for heading in ("device", "no.", "roles", "public key", ""):
        table.add_column(heading, overflow="fold", no_wrap=heading == "public key")
    for member in operator.members:
        key = encode_public(bytes.fromhex(member.public_key))
        mark = "[red]revoked[/]" if member.revoked else ""
        table.add_row(member.name, str(member.serial), ", ".join(member.roles), key, mark)
    console.print(table)
