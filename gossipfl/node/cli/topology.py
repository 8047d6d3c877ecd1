"""`gossipfl topology`: who mixes with whom, how well that mixes, and pictures of it."""

import csv
import io
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

if TYPE_CHECKING:
    from gossipfl.topologies.mixing import Mixing
    from gossipfl.topologies.summary import Summary

F = TypeVar("F", bound=Callable[..., Any])
Table = tuple[Sequence[str], list[list[str]]]
NODES_MAX: Final = 2000
FLOAT_BYTES: Final = 4

_NAME = click.argument("name")
_OPTIONS = (
    click.option(
        "--nodes", type=click.IntRange(1, NODES_MAX), help="How many; an edge list knows.  [16]"
    ),
    click.option("--seed", type=click.IntRange(0), default=0, help="Of what is drawn by chance."),
    click.option(
        "--mixing",
        type=click.Choice(["own", "metropolis", "uniform"]),
        default="own",
        show_default=True,
        help="Weights; own: the topology's.",
    ),
)
_CSV = click.option("--csv", "as_csv", is_flag=True, help="Print comma-separated values.")


def _mesh_options(function: F) -> F:
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def _measure_options(function: F) -> F:
    share = click.option(
        "--tolerance",
        type=click.FloatRange(0, 1, min_open=True, max_open=True),
        default=1e-6,
        show_default=True,
        help="Share of the variance between nodes that may be left in consensus.",
    )
    parameters = click.option(
        "--parameters", type=click.IntRange(1), help="Of a model; gives bytes to consensus too."
    )
    return share(parameters(_CSV(_mesh_options(function))))


@click.group()
def command() -> None:
    """Who mixes with whom: for `swarm --topology`, `simulate --topology` and to look at.

    \b
    gossipfl topology list
    gossipfl topology compare ring torus random:4 base:2 --nodes 96
    gossipfl topology draw small-world:6:0.1 --nodes 60 --output mesh.svg

    NAME is one that `list` shows, with numbers behind colons, or edges:FILE.
    """


@command.command("list")
def list_names() -> None:
    """All names, and the numbers that may follow."""
    from gossipfl.topologies.named import EDGES, KINDS

    rows = [[kind.usage(name), kind.summary] for name, kind in KINDS.items()]
    rows.append([f"{EDGES}FILE", "a graph of your own: .csv, .json or .graphml"])
    _show((("name", "who mixes with whom"), rows), as_csv=False)


@command.command()
@_NAME
@_mesh_options
@click.option("--epoch", type=click.IntRange(0), default=0, help="Which round of a schedule.")
@_CSV
def show(name: str, epoch: int, as_csv: bool, **settings: Any) -> None:
    """Whose models each node takes in one round, and what they weigh.

    With --csv one link a line, so that `edges:FILE` reads its first two columns back.
    """
    mixing, ids = _mixing(name, settings)
    rows = mixing.rows(epoch)
    if as_csv:
        links = [[ids[j], ids[i], f"{w:g}"] for i, row in enumerate(rows) for j, w in row.items()]
        _show((("source", "target", "weight"), links), as_csv=True)
        return
    lines = [
        [ids[i], f"{1 - sum(row.values()):.3f}", _listed(row, ids)] for i, row in enumerate(rows)
    ]
    _show((("node", "keeps", "takes"), lines), as_csv=False)


def _listed(row: Any, ids: Sequence[str]) -> str:
    return "  ".join(f"{ids[j]} ({weight:.3f})" for j, weight in row.items())


@command.command()
@_NAME
@_measure_options
def analyse(name: str, tolerance: float, as_csv: bool, **settings: Any) -> None:
    """Everything that can be said about one topology."""
    from gossipfl.topologies.summary import summarise

    mixing, _ = _mixing(name, settings)
    found = _lines(summarise(mixing, tolerance), tolerance, settings["parameters"])
    _show((("measure", name), [list(line) for line in found]), as_csv)


@command.command()
@click.argument("names", nargs=-1)
@_measure_options
def compare(names: tuple[str, ...], tolerance: float, as_csv: bool, **settings: Any) -> None:
    """Topologies side by side, a line each; without NAMES all of them."""
    from gossipfl.topologies.named import KINDS
    from gossipfl.topologies.summary import summarise

    rows: list[list[str]] = []
    head: Sequence[str] = ()
    for name in names or KINDS:
        summary = summarise(_mixing(name, settings)[0], tolerance)
        head, cells = _cells(summary, settings["parameters"])
        rows.append([name, *cells])
    _show((("topology", *head), rows), as_csv)


@command.command()
@_NAME
@_mesh_options
@click.option(
    "--output", required=True, type=click.Path(path_type=Path), help="A file: .svg or .png."
)
def draw(name: str, output: Path, **settings: Any) -> None:
    """A picture of the mesh; of a schedule one a round, twelve at most.

    PNG takes pip install 'gossipfl[plot]'; SVG takes nothing.
    """
    from gossipfl.node.drawing.meshes import draw_topology
    from gossipfl.node.drawing.picture import write

    mixing, ids = _mixing(name, settings)
    write(draw_topology(name, mixing, ids), output)
    click.echo(f"wrote {output}", err=True)


def _mixing(name: str, settings: dict[str, Any]) -> tuple["Mixing", list[str]]:
    """The topology's mixing, and what to call its nodes."""
    from gossipfl.errors import ConfigError
    from gossipfl.topologies.members import members_for
    from gossipfl.topologies.mixing import Mixing
    from gossipfl.topologies.named import parse_topology

    topology = parse_topology(name, settings["seed"])
    nodes = settings["nodes"] or (len(topology.ids) if topology.ids else 16)
    if nodes > NODES_MAX:
        raise ConfigError(f"{name} has {nodes} nodes; at most {NODES_MAX} are looked at")
    members = members_for(topology, nodes)
    labels = [str(int(id)) if id.isdigit() else id for id in members]
    return Mixing(topology, members, settings["mixing"]), labels


def _cells(found: "Summary", parameters: int | None) -> tuple[list[str], list[str]]:
    head = ["period", "peers", "sends", "hears all", "gap", "rounds", "models sent"]
    peers = f"{found.peers_min}-{found.peers_max}"
    cells = [
        _period(found.period),
        str(found.peers_min) if found.peers_min == found.peers_max else peers,
        f"{found.sends_mean:.2f}",
        _whole(found.hears_all),
        f"{found.gap:.4f}",
        _whole(found.rounds),
        _whole(found.sent),
    ]
    if parameters is not None:
        head.append("kB sent")
        cells.append(_whole(found.sent * parameters * FLOAT_BYTES / 1000))
    head += ["resistance", "30 % fail", "30 % aimed at"]
    return head, [
        *cells,
        f"{found.resistance:.3g}",
        f"{found.random[1]:.0%}",
        f"{found.targeted[1]:.0%}",
    ]


def _lines(found: "Summary", tolerance: float, parameters: int | None) -> list[tuple[str, str]]:
    from gossipfl.topologies.summary import FAILURES

    lines = [
        ("nodes", str(found.nodes)),
        ("rounds until the schedule repeats", _period(found.period)),
        ("peers of a node: least", str(found.peers_min)),
        ("peers of a node: mean", f"{found.peers_mean:.2f}"),
        ("peers of a node: most", str(found.peers_max)),
        ("models a node sends in a round: mean", f"{found.sends_mean:.2f}"),
        ("models a node sends in a round: most", str(found.sends_max)),
        ("rounds until all have heard of all (diameter)", _whole(found.hears_all)),
        ("spectral gap of a round", f"{found.gap:.6f}"),
        (f"rounds to consensus ({tolerance:g} of the variance)", _whole(found.rounds)),
        ("models that a node has sent until then", f"{found.sent:.1f}"),
    ]
    if parameters is not None:
        sent = found.sent * parameters * FLOAT_BYTES / 1000
        lines.append((f"kB until then, {parameters} parameters", f"{sent:.1f}"))
    lines.append(("mean effective resistance", f"{found.resistance:.4g}"))
    for kind, shares in (("at random", found.random), ("with most links", found.targeted)):
        for failing, left in zip(FAILURES, shares, strict=True):
            lines.append((f"still connected after {failing:.0%} fail {kind}", f"{left:.1%}"))
    return lines


def _period(period: int) -> str:
    return {0: "never", 1: "1"}.get(period, str(period))


def _whole(value: float) -> str:
    return "inf" if math.isinf(value) else f"{value:.0f}"


def _show(table: Table, as_csv: bool) -> None:
    """A table for people, or lines for programs."""
    head, rows = table
    if as_csv:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([head, *rows])
        click.echo(text.getvalue(), nl=False)
        return
    from rich.console import Console
    from rich.table import Table as RichTable

    shown = RichTable(box=None, pad_edge=False)
    for number, column in enumerate(head):
        shown.add_column(column, justify="left" if number == 0 or len(head) <= 3 else "right")
    for row in rows:
        shown.add_row(*row)
    console = Console(width=200, highlight=False, markup=False)
    with console.capture() as capture:
        console.print(shown)
    click.echo("\n".join(line.rstrip() for line in capture.get().splitlines()))
