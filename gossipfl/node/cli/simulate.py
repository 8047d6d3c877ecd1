"""`gossipfl simulate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from gossipfl.node.cli.learning_options import model_options
from gossipfl.node.cli.live import Live
from gossipfl.node.cli.manifests import make_manifest
from gossipfl.node.cli.options import gossip_options, partition_options
from gossipfl.node.cli.runs import compare, summary
from gossipfl.node.cli.sections import SectionedCommand
from gossipfl.node.cli.variants import variants
from gossipfl.node.cli.worlds import LINKS, NODES, SHARE, make_experiment, world_options

if TYPE_CHECKING:
    from gossipfl.data.schema import Schema
    from gossipfl.simulation.population import Rows

SECTIONS: Final = {
    "Readings": ("data", "partition", "group", "test", "held_back"),
    "Runs": ("baseline", "seed", "seeds", "sweep", "workers", "ray"),
    "Nodes": NODES,
    "Links": LINKS,
    "Results": ("evaluate_every", "json", "parquet", "plot"),
}
REST: Final = "Model, training and gossip, as for `cluster create`"
FILE: Final = click.Path(path_type=Path, dir_okay=False)


@click.command(cls=SectionedCommand, sections=SECTIONS, rest=REST)
@click.argument("nodes", type=click.IntRange(2, 100_000))
@partition_options()
@click.option(
    "--held-back",
    type=SHARE,
    default=0.15,
    show_default=True,
    help="Share of --data for validation, and as much for a test without --test.",
)
@click.option(
    "--baseline",
    metavar="NAME",
    help="Instead of the scheme: fedavg, dpsgd, quasi-global[:MOMENTUM], push-sum, choco[:STEP], "
    "choco-sign[:STEP], deepsqueeze[:STEP], el-local[:FANOUT], el-oracle[:FANOUT], "
    "hegedus[:SHARE], hegedus-parts[:PARTS], hegedus-tokens[:SHARE], "
    "hegedus-tokens-parts[:PARTS], ormandi[:LAMBDA].",
)
@click.option(
    "--attack",
    metavar="NAME",
    help="What attackers do: random, signflip, alie, ipm, dissensus, slowdrift (each may have a "
    ":STRENGTH) or labelflip.",
)
@click.option("--attackers", type=SHARE, default=0.0, help="Their share; the honest are judged.")
@click.option(
    "--seeds", type=click.IntRange(1), default=1, help="As many runs, from --seed on upwards."
)
@click.option(
    "--sweep",
    multiple=True,
    metavar="FLAG=VALUE,...",
    help="A run for every value, as in keep-ratio=0.01,0.02; may be given several times.",
)
@click.option(
    "--workers", type=click.IntRange(1), help="Runs at a time; unless given, one for every core."
)
@click.option(
    "--ray",
    metavar="ADDRESS",
    help="Make the runs on a Ray cluster: auto for the one that this machine is part of, HOST:PORT "
    "of another's head, or local to start one here; takes gossipfl[ray] on all its machines.",
)
@click.option(
    "--evaluate-every",
    type=click.IntRange(1),
    default=10,
    show_default=True,
    help="Rounds between two looks at the mesh.",
)
@click.option(
    "--json",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    metavar="FILE",
    help="Write everything: settings, seeds, curves, bytes of every node; - prints it instead.",
)
@click.option(
    "--parquet",
    type=FILE,
    metavar="FILE",
    help="Write a row for every look at every mesh; takes gossipfl[parquet].",
)
@click.option(
    "--plot",
    type=FILE,
    metavar="FILE",
    help="Draw accuracy and spread against bytes and rounds, as .png or .svg; takes "
    "gossipfl[plot].",
)
@world_options
@model_options
@gossip_options
@click.pass_context
def command(
    context: click.Context,
    /,
    nodes: int,
    data: Path,
    group: str | None,
    test: Path | None,
    held_back: float,
    seeds: int,
    sweep: tuple[str, ...],
    workers: int | None,
    ray: str | None,
    json: Path | None,
    parquet: Path | None,
    plot: Path | None,
    **settings: Any,
) -> None:
    """Simulate NODES nodes that share one data file, in virtual time and with the node's own code.

    Equal arguments give equal results, to the bit.

    \b
    gossipfl simulate 64 --data digits.npz --partition dirichlet:0.3 --loss 0.2 --churn 0.3
    gossipfl simulate 16 --data digits.npz --baseline fedavg
    gossipfl simulate 16 --data digits.npz --sweep keep-ratio=0.01,0.02,0.05 --seeds 5 \\
        --plot ratios.svg --parquet ratios.parquet
    gossipfl simulate 50 --data digits.npz --churn sessions.csv --speed-spread 8 --loss 0.1 \\
        --latency-s 0.2 --latency-spread 4 --bandwidth 2000
    gossipfl simulate 16 --data digits.npz --attack signflip --attackers 0.19 --trust open \\
        --topology random:8
    """
    from gossipfl.node.simulations.outputs import Outputs, as_json
    from gossipfl.node.simulations.processes import Processes
    from gossipfl.node.simulations.ray_cluster import RayCluster
    from gossipfl.node.simulations.study import Case
    from gossipfl.node.simulations.sweep import run_all

    printed = json == Path("-")
    outputs = Outputs(json=None if printed else json, parquet=parquet, plot=plot)
    cases = []
    for changes, chosen in variants(context, settings, sweep, seeds):
        manifest = make_manifest("simulation", chosen, like=data, without=group)
        by_group = chosen["partition"] == "by-group"
        rows = _rows(data, test, manifest.schema, group, by_group, held_back, chosen["seed"])
        cases.append(Case(make_experiment(manifest, nodes, chosen), rows, changes))
    click.echo(cases[0].experiment.manifest.model().summary(), err=True)
    with RayCluster(ray) if ray else Processes() as engine, Live(cases) as live:
        study = run_all(cases, engine, workers, live.show)
    outputs.write(study)
    if printed:
        click.echo(as_json(study))
    else:
        click.echo(summary(study) if len(cases) == 1 else compare(study))


def _rows(
    data: Path,
    test: Path | None,
    schema: "Schema",
    group: str | None,
    by_group: bool,
    held_back: float,
    seed: int,
) -> "Rows":
    from gossipfl.data.sources import read
    from gossipfl.node.harness.parts import read_groups
    from gossipfl.simulation.population import split_rows

    readings = read(data, schema=schema)
    groups = read_groups(data, group, len(readings)) if by_group else None
    judged = read(test, schema=schema) if test else None
    return split_rows(readings, judged, groups, held_back, seed)
