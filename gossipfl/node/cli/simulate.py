"""`gossipfl simulate`."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gossipfl.node.cli.learning_options import model_options
from gossipfl.node.cli.manifests import make_manifest
from gossipfl.node.cli.options import gossip_options, partition_options
from gossipfl.node.cli.runs import Bars, as_json_list, available_cores, compare
from gossipfl.node.cli.variants import variants

if TYPE_CHECKING:
    from gossipfl.learning.schema import Schema
    from gossipfl.manifest import Manifest
    from gossipfl.simulation.experiment import Experiment, Result
    from gossipfl.simulation.population import Rows

SHARE = click.FloatRange(0, 1, max_open=True)
POSITIVE = click.FloatRange(0, min_open=True)
SPREAD = click.FloatRange(1)

_WORLD_OPTIONS = (
    click.option("--topology", default="random:4", show_default=True, help="Who may mix."),
    click.option(
        "--renew-s",
        type=click.FloatRange(0),
        default=0.0,
        help="Draw it anew this often; 0: never.",
    ),
    click.option("--rounds", type=click.IntRange(1), default=150, show_default=True),
    click.option("--interval-s", type=POSITIVE, default=1.0, show_default=True, help="Per round."),
    click.option("--resend-s", type=POSITIVE, default=2.0, show_default=True),
    click.option(
        "--speed-spread", type=SPREAD, default=1.0, help="Fastest node's speed over the slowest's."
    ),
    click.option("--loss", type=SHARE, default=0.0, help="Share of frames that vanish."),
    click.option("--duplication", type=click.FloatRange(0, 1), default=0.0),
    click.option("--latency-s", type=click.FloatRange(0), default=0.01, show_default=True),
    click.option("--latency-spread", type=SPREAD, default=1.0, help="Links differ by this factor."),
    click.option("--jitter-s", type=click.FloatRange(0), default=0.0, help="More, at most."),
    click.option("--bandwidth", type=POSITIVE, help="Bytes a second of a link's direction."),
    click.option("--churn", type=SHARE, default=0.0, help="Share of time that a node is away."),
    click.option("--away-s", type=POSITIVE, default=10.0, show_default=True, help="At a time."),
    click.option(
        "--own-validation",
        type=SHARE,
        default=0.0,
        help="Share of its rows that each node holds back, to judge its own model on.",
    ),
    click.option("--bytes-per-day", type=int, help="That a node sends, in virtual time."),
    click.option("--max-message-bytes", type=int, help="Deltas shrink to fit."),
    click.option("--evaluate-every", type=click.IntRange(1), default=10, show_default=True),
)


def world_options(function: Any) -> Any:
    """Links, speeds and comings and goings, as flags; `_experiment` reads them."""
    for option in reversed(_WORLD_OPTIONS):
        function = option(function)
    return function


@click.command()
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
    "deepsqueeze[:STEP], el-local[:FANOUT], el-oracle[:FANOUT], hegedus[:SHARE], "
    "hegedus-parts[:PARTS], hegedus-tokens[:SHARE], ormandi[:LAMBDA].",
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
@click.option("--json", "as_json", is_flag=True, help="Print the result and its curve as JSON.")
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
    as_json: bool,
    **settings: Any,
) -> None:
    """Simulate NODES nodes that share one data file, in virtual time and with the node's own code.

    Equal arguments give equal results, to the bit.

    \b
    gossipfl simulate 64 --data digits.npz --partition dirichlet:0.3 --loss 0.2 --churn 0.3
    gossipfl simulate 16 --data digits.npz --baseline fedavg
    gossipfl simulate 16 --data digits.npz --sweep keep-ratio=0.01,0.02,0.05 --seeds 5
    gossipfl simulate 16 --data digits.npz --attack signflip --attackers 0.19 --trust open \\
        --topology random:8
    """
    from gossipfl.node.harness.sweep import Case, run_all

    cases = []
    for label, chosen in variants(context, settings, sweep, seeds):
        manifest = make_manifest("simulation", chosen, like=data, without=group)
        by_group = chosen["partition"] == "by-group"
        rows = _rows(data, test, manifest.schema, group, by_group, held_back, chosen["seed"])
        cases.append(Case(label, _experiment(manifest, nodes, chosen), rows))
    click.echo(cases[0].experiment.manifest.model().summary(), err=True)
    started_s = time.monotonic()
    with Bars(cases) as bars:
        results = run_all(cases, workers or available_cores(), bars.show)
    wall_s = time.monotonic() - started_s
    if len(cases) == 1:
        click.echo(results[0].as_json() if as_json else _summary(results[0], wall_s))
    else:
        labels = [case.label for case in cases]
        click.echo(as_json_list(results) if as_json else compare(labels, results, wall_s))


def _rows(
    data: Path,
    test: Path | None,
    schema: "Schema",
    group: str | None,
    by_group: bool,
    held_back: float,
    seed: int,
) -> "Rows":
    from gossipfl.learning.data import read
    from gossipfl.node.harness.parts import read_groups
    from gossipfl.simulation.population import split_rows

    readings = read(data, schema=schema)
    groups = read_groups(data, group, len(readings)) if by_group else None
    judged = read(test, schema=schema) if test else None
    return split_rows(readings, judged, groups, held_back, seed)


def _experiment(manifest: "Manifest", nodes: int, settings: dict[str, Any]) -> "Experiment":
    from gossipfl.gossip.allowance import Limits
    from gossipfl.simulation.churn import OnOff
    from gossipfl.simulation.experiment import Experiment
    from gossipfl.simulation.network import Conditions

    links = ("latency_s", "latency_spread", "jitter_s", "bandwidth", "loss", "duplication")
    same = (
        *("partition", "topology", "renew_s", "rounds", "interval_s", "resend_s", "speed_spread"),
        *("attack", "attackers", "own_validation", "evaluate_every", "seed"),
    )
    return Experiment(
        manifest=manifest,
        nodes=nodes,
        algorithm=settings["baseline"] or "gossip",
        conditions=Conditions(**{key: settings[key] for key in links}),
        churn=OnOff(share=settings["churn"], away_s=settings["away_s"]),
        limits=Limits(settings["bytes_per_day"], settings["max_message_bytes"]),
        **{key: settings[key] for key in same},
    )


def _summary(result: "Result", wall_s: float) -> str:
    """A few lines of the curve, and what it cost."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    own = ("own rows",) if result.curve[0].own else ()
    for column in ("round", "kB per node", "validation", "test", "worst node", "spread", *own):
        table.add_column(column, justify="right")
    step = max(1, len(result.curve) // 12)
    for point in [*result.curve[:-1:step], result.curve[-1]]:
        look = point.average
        scores = (look.validation.mean, look.test.mean, look.test.worst)
        table.add_row(
            f"{point.rounds:.0f}",
            f"{point.sent_bytes / 1000:.1f}",
            *(f"{score:.1%}" for score in scores),
            f"{point.spread:.3g}",
            *([f"{point.own.mean:.1%}"] if point.own else []),
        )
    console = Console(width=100, highlight=False)
    with console.capture() as capture:
        console.print(table)
    return capture.get() + _cost(result, wall_s)


def _cost(result: "Result", wall_s: float) -> str:
    sent, rounds = sum(result.sent_bytes), sum(result.rounds)
    model_bytes = 4 * result.experiment.manifest.model().parameters
    copies = sent / len(result.sent_bytes) / model_bytes
    lines = [
        f"sent per node: {copies:.2f} of the model's {model_bytes / 1000:.1f} kB, "
        f"{sent / max(1, result.frames):.0f} bytes a frame",
        f"{rounds} node-rounds in {wall_s:.1f} s: {rounds / wall_s:.0f} a second",
    ]
    if result.diverged:
        lines.append(f"{result.diverged} rounds diverged: lower --learning-rate")
    return "\n".join(lines)
