"""Options of a simulated world: its links, speeds, comings and goings."""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from gossipfl.node.cli.options import topology_option

if TYPE_CHECKING:
    from gossipfl.faults.script import FaultScript
    from gossipfl.manifest import Manifest
    from gossipfl.simulation.churn import Churn
    from gossipfl.simulation.experiment import Experiment

SHARE: Final = click.FloatRange(0, 1, max_open=True)
POSITIVE: Final = click.FloatRange(0, min_open=True)
SPREAD: Final = click.FloatRange(1)


class _ShareOrTrace(click.ParamType[float | Path]):
    """A number is a share, everything else a file."""

    name = "SHARE|FILE"

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> float | Path:
        try:
            float(value)
        except ValueError:
            return Path(value)
        return SHARE.convert(value, parameter, context)


_OPTIONS: Final = (
    topology_option(default="random:4", show_default=True),
    click.option(
        "--renew-s",
        type=click.FloatRange(0),
        default=0.0,
        help="Draw the topology anew this often; 0: schedules every --interval-s, others never.",
    ),
    click.option(
        "--repair-s",
        type=click.FloatRange(0),
        default=0.0,
        help="Draw it of those that are there, so often; 0: of all, with gaps.",
    ),
    click.option(
        "--mixing",
        type=click.Choice(["own", "metropolis", "uniform", "samples"]),
        default="own",
        show_default=True,
        help="Weights of baselines that mix whole models; own: the topology's.",
    ),
    click.option(
        "--rounds",
        type=click.IntRange(1),
        default=150,
        show_default=True,
        help="That a node of mean speed makes: training, then one exchange.",
    ),
    click.option(
        "--interval-s",
        type=POSITIVE,
        default=1.0,
        show_default=True,
        help="Mean virtual seconds from round to round.",
    ),
    click.option(
        "--resend-s",
        type=POSITIVE,
        default=2.0,
        show_default=True,
        help="An unanswered request is repeated after so long.",
    ),
    click.option(
        "--speed-spread",
        type=SPREAD,
        default=1.0,
        show_default=True,
        help="Rounds of the fastest node for one of the slowest; 1: all alike.",
    ),
    click.option(
        "--churn",
        type=_ShareOrTrace(),
        default=0.0,
        show_default=True,
        help="Share of time that every node is away, or a CSV file with a line for every session "
        "that a node is online: node (from 0), from_s, to_s.",
    ),
    click.option(
        "--away-s",
        type=POSITIVE,
        default=10.0,
        show_default=True,
        help="With a share: mean length of an absence.",
    ),
    click.option(
        "--faults",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="TOML file: what goes wrong, and when, as for `swarm`; in virtual seconds.",
    ),
    click.option(
        "--own-validation",
        type=SHARE,
        default=0.0,
        help="Share of its rows that each node holds back, to judge its own model on.",
    ),
    click.option(
        "--latency-s",
        type=click.FloatRange(0),
        default=0.01,
        show_default=True,
        help="Mean time of a frame on its way.",
    ),
    click.option(
        "--latency-spread",
        type=SPREAD,
        default=1.0,
        show_default=True,
        help="A link's latency is drawn between the mean divided by this and times this.",
    ),
    click.option(
        "--jitter-s",
        type=click.FloatRange(0),
        default=0.0,
        help="A frame may take so much longer, and be overtaken.",
    ),
    click.option(
        "--bandwidth",
        type=POSITIVE,
        help="Bytes a second, for each direction of a link; frames queue.  Default: no limit.",
    ),
    click.option("--loss", type=SHARE, default=0.0, help="Share of frames that vanish."),
    click.option(
        "--duplication",
        type=click.FloatRange(0, 1),
        default=0.0,
        help="Share of frames that arrive twice.",
    ),
    click.option(
        "--bytes-per-day",
        type=int,
        help="That a node may send, in virtual time.  Default: no limit.",
    ),
    click.option(
        "--max-message-bytes", type=int, help="Of a message; deltas shrink to fit.  Default: none."
    ),
)

NODES: Final = (
    *("topology", "renew_s", "repair_s", "mixing", "rounds", "interval_s", "resend_s"),
    *("speed_spread", "churn", "away_s", "faults", "own_validation", "attack", "attackers"),
)
LINKS: Final = (
    *("latency_s", "latency_spread", "jitter_s", "bandwidth", "loss", "duplication"),
    *("bytes_per_day", "max_message_bytes"),
)


def world_options(function: Any) -> Any:
    """A world as flags; `make_experiment` reads them."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def make_experiment(manifest: "Manifest", nodes: int, settings: dict[str, Any]) -> "Experiment":
    """What to simulate.  Raises ConfigError and DataError."""
    from gossipfl.gossip.allowance import Limits
    from gossipfl.simulation.experiment import Experiment
    from gossipfl.simulation.network import Conditions

    same = (
        *("partition", "topology", "renew_s", "rounds", "interval_s", "resend_s", "speed_spread"),
        *("repair_s", "mixing", "attack", "attackers", "own_validation", "evaluate_every", "seed"),
    )
    return Experiment(
        manifest=manifest,
        nodes=nodes,
        algorithm=settings["baseline"] or "gossip",
        conditions=Conditions(**{key: settings[key] for key in LINKS[:-2]}),
        churn=_churn(settings["churn"], settings["away_s"], nodes),
        faults=_faults(settings["faults"], nodes),
        limits=Limits(settings["bytes_per_day"], settings["max_message_bytes"]),
        **{key: settings[key] for key in same},
    )


def _churn(share_or_trace: float | Path, away_s: float, nodes: int) -> "Churn":
    from gossipfl.node.simulations.traces import read_trace
    from gossipfl.simulation.churn import OnOff

    if isinstance(share_or_trace, Path):
        return read_trace(share_or_trace, nodes)
    return OnOff(share=share_or_trace, away_s=away_s)


@lru_cache(maxsize=1)  # one script for all runs of a command, and told of once
def _faults(path: Path | None, nodes: int) -> "FaultScript":
    """The script; what of it means nothing here is told."""
    from gossipfl.faults.script import QUIET, read_script
    from gossipfl.simulation.faults import without_meaning

    if path is None:
        return QUIET
    script = read_script(path)
    script.check(nodes)
    for line in without_meaning(script):
        click.echo(f"note: {line}", err=True)
    return script
