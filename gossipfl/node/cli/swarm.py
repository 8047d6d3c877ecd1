"""`gossipfl swarm`."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from attrs import frozen

from gossipfl.errors import ConfigError
from gossipfl.node.cli.apps import APPS, app_flags, app_options, make_foreign
from gossipfl.node.cli.interrupts import end_as_by_ctrl_c
from gossipfl.node.cli.learning_options import model_options
from gossipfl.node.cli.manifests import make_manifest
from gossipfl.node.cli.options import gossip_options, partition_options, topology_option

if TYPE_CHECKING:
    from gossipfl.agreement import Agreement
    from gossipfl.node.harness.judge import Scores
    from gossipfl.node.harness.record import Result

PRINTED: Final = Path("-")


@click.command()
@click.argument("nodes", type=click.IntRange(2, 200))
@partition_options(required=False)
@topology_option(more="  Default: each node keeps --view random links.")
@click.option("--view", type=click.IntRange(1, 64), default=4, show_default=True)
@click.option(
    "--rounds", type=click.IntRange(1), default=150, show_default=True, help="Stop at the latest."
)
@click.option("--interval-s", type=float, default=0.2, show_default=True, help="Mean per round.")
@click.option("--keep", type=click.Path(path_type=Path), help="Keep all node directories here.")
@click.option(
    "--network",
    type=click.Choice(["loopback", "namespaces"]),
    default="loopback",
    show_default=True,
    help="One machine, or a network namespace a node with a switch between (Linux, root).",
)
@click.option(
    "--faults",
    type=click.Path(path_type=Path),
    help="TOML file: what goes wrong, and when; see below.",
)
@click.option(
    "--json",
    "json_file",
    type=click.Path(path_type=Path, allow_dash=True),
    help="Write the result and its curve as JSON; - prints them.",
)
@click.option(
    "--report",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write curves, faults and the mesh as one HTML page.",
)
@model_options
@app_options
@gossip_options
def command(
    nodes: int,
    data: Path | None,
    partition: str,
    group: str | None,
    test: Path | None,
    topology: str | None,
    view: int,
    rounds: int,
    interval_s: float,
    keep: Path | None,
    network: str,
    faults: Path | None,
    json_file: Path | None,
    report: Path | None,
    **settings: Any,
) -> None:
    """Run NODES real node processes on this machine and share one data file out to them.

    Every node is admitted to a cluster of its own, listens on loopback, and reads its share only.

    \b
    gossipfl swarm 8 --data digits.npz --partition dirichlet:0.5 --hidden 32
    gossipfl swarm 6 --data readings.csv --target activity --topology ring
    gossipfl swarm 4 --flower quickstart.client_app:app --arrays quickstart.task:Net

    With an app, node i is told partition-id=i and num-partitions=NODES, and judges itself.

    A fault script, in seconds after all nodes run; the swarm runs on until all has happened:

    \b
    [[events]]
    at_s = 10
    do = "kill"        # pause, resume, restart; clock with jump_s;
    nodes = [0, "4-6"]

    \b
    [[events]]
    at_s = 20
    do = "cut"         # with links or nodes as well; heal; loss with share;
    groups = [["0-3"], ["4-7"]]

    \b
    [[events]]
    at_s = 30
    do = "slow"        # without links, nodes or groups: everywhere
    delay_s = 0.1      # jitter_s, bytes_per_s

    Links can be cut, healed, slow and lossy with --network namespaces only.
    """
    import trio

    from gossipfl.faults.script import QUIET, read_script
    from gossipfl.node.harness.convergence import Convergence
    from gossipfl.node.harness.namespaces import Namespaces
    from gossipfl.node.harness.network import Loopback
    from gossipfl.node.harness.report import as_html
    from gossipfl.node.harness.run import run_swarm
    from gossipfl.node.harness.swarm import Swarm
    from gossipfl.node.kernels import warm_kernels
    from gossipfl.node.outfile import check_place, write_whole
    from gossipfl.topologies.named import parse_topology

    end_as_by_ctrl_c()
    graph = parse_topology(topology, settings["seed"]) if topology else None
    script = read_script(faults) if faults else QUIET
    script.check(nodes)
    for place in (json_file, report):
        check_place(None if place == PRINTED else place)
    between = Loopback() if network == "loopback" else Namespaces(nodes, settings["seed"])
    between.check(script)
    with tempfile.TemporaryDirectory(prefix="gossipfl-") as temporary:
        directory = keep.expanduser().resolve() if keep else Path(temporary)
        task = _app_task(nodes, settings) or _data_task(
            nodes, data, test, partition, group, directory / "parts", settings
        )
        click.echo(f"{task.manifest.summary()}; preparing kernels ...", err=True)
        warm_kernels()
        swarm = Swarm(directory, task.manifest, task.sources, between)
        if topology is None or graph is None:
            swarm.link_by_mdns(view=view)
        elif graph.ids is None:
            swarm.link_by_course(topology)
        else:
            swarm.link_by_topology(graph)
        result, _, _ = trio.run(
            run_swarm,
            swarm,
            task.judge,
            Convergence(rounds_min=rounds // 2, rounds_max=rounds),
            ("--interval-s", str(interval_s), "--seed", str(settings["seed"])),
            f"{nodes} nodes, {topology or 'random links'}",
            trio.lowlevel.checkpoint,
            script,
        )
    if report is not None:
        page = as_html(result, task.judged)
        write_whole(report, lambda path: path.write_text(page, "utf-8"))
    if json_file == PRINTED:
        click.echo(result.as_json())
        return
    if json_file is not None:
        write_whole(json_file, lambda path: path.write_text(result.as_json() + "\n", "utf-8"))
    click.echo(_summary(result, task.judged))


@frozen
class _Task:
    """What a swarm learns, from where, who judges it, and on what."""

    manifest: "Agreement"
    sources: list[tuple[str, ...]]
    judge: "Scores"
    judged: str


def _data_task(
    nodes: int,
    data: Path | None,
    test: Path | None,
    partition: str,
    group: str | None,
    directory: Path,
    settings: dict[str, Any],
) -> _Task:
    from gossipfl.node.harness.judge import Judge
    from gossipfl.node.harness.parts import make_parts
    from gossipfl.node.harness.swarm import from_files

    if data is None:
        raise ConfigError("say what to learn from: --data FILE, or an app, such as --flower")
    manifest = make_manifest("swarm", settings, like=data, without=group)
    parts = make_parts(
        data, test, manifest.schema, partition, nodes, group, directory, settings["seed"]
    )
    click.echo(parts.table, err=True)
    judge = Judge(manifest, parts.test)
    return _Task(manifest, from_files(parts.files), judge, "unseen readings")


def _app_task(nodes: int, settings: dict[str, Any]) -> _Task | None:
    """Every node runs the same app and is told which partition is its own."""
    from gossipfl.node.harness.judge import OwnChecks

    own = settings["node_config"]
    kept = (
        "nodes",
        "topology",
        "view",
        "rounds",
        "interval_s",
        "keep",
        "network",
        "faults",
        "json_file",
    )
    first = {**settings, "node_config": (*own, *_partition_config(0, nodes))}
    manifest = make_foreign("swarm", first, beside=kept)
    if manifest is None:
        return None
    app = {key: settings[key] for key in (*APPS, "run_config")}
    sources = [
        app_flags({**app, "node_config": (*own, *_partition_config(number, nodes))})
        for number in range(nodes)
    ]
    return _Task(manifest, sources, OwnChecks(), "own checks")


def _partition_config(number: int, nodes: int) -> tuple[str, str]:
    """The names that Flower's simulation gives them."""
    return f"partition-id={number}", f"num-partitions={nodes}"


def _summary(result: "Result", judged: str) -> str:
    scores, sent = result.scores, result.sent_bytes
    mean = sum(scores) / len(scores)
    per_node = sum(sent) / len(sent)
    return (
        f"{judged}: mean {mean:.1%}, worst node {min(scores):.1%}, best {max(scores):.1%}\n"
        f"rounds: {min(result.rounds)} to {max(result.rounds)}\n"
        f"sent per node: {per_node / 1000:.1f} kB, {per_node / result.model_bytes:.2f} "
        f"of the model's {result.model_bytes / 1000:.1f} kB"
    )
