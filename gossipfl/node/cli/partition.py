"""`gossipfl partition`: how one data file would be shared out."""

from pathlib import Path
from typing import Any

import click

from gossipfl.node.cli.learning_options import model_options
from gossipfl.node.cli.manifests import make_manifest
from gossipfl.node.cli.options import partition_options


@click.command()
@click.option(
    "--nodes", required=True, type=click.IntRange(2, 1000), help="How many nodes share the rows."
)
@click.option(
    "--output", type=click.Path(path_type=Path), help="Write part-0.npz ... and test.npz here."
)
@partition_options()
@model_options
def command(
    nodes: int,
    output: Path | None,
    data: Path,
    partition: str,
    group: str | None,
    test: Path | None,
    **settings: Any,
) -> None:
    """Show what each of --nodes would get of --data: a table and three pictures.

    Bars: how many rows, each mark for those of one class; shift says how far the mean features of
    the node are from those of all rows, in deviations.  Cells: the darker, the more of a class's
    rows.  Shifts: of the features that differ most between nodes.

    \b
    gossipfl partition --data digits.npz --nodes 8 --partition dirichlet:0.5
    gossipfl partition --data readings.csv --target activity --nodes 4 --partition shards:2
    """
    from rich.console import Console

    from gossipfl.node.cli.pictures import bars, cells, shifts
    from gossipfl.node.harness.parts import share_out, write_shares

    schema = make_manifest("partition", settings, like=data, without=group).schema
    shares = share_out(data, test, schema, partition, nodes, group, settings["seed"])
    console = Console(soft_wrap=True, highlight=False)
    console.print(shares.table(schema), markup=False)
    console.print()
    for picture in (bars, cells, shifts):
        for line in picture(shares, schema.classes):
            console.print(line)
    console.print(f"\n{len(shares.test)} rows for judging", markup=False)
    if output is not None:
        write_shares(shares, output)
        click.echo(f"wrote {nodes} parts and test.npz to {output}", err=True)
