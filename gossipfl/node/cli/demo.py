"""`gossipfl demo`."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gossipfl.node.cli.interrupts import end_as_by_ctrl_c

if TYPE_CHECKING:
    from rich.console import Console

    from gossipfl.node.harness.demo import Report


@click.command()
@click.option("--seed", type=int, default=0, show_default=True, help="Of model, batches, partners.")
@click.option("--keep", type=click.Path(path_type=Path), help="Keep all node directories here.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def command(seed: int, keep: Path | None, as_json: bool) -> None:
    """Eight wearables learn to tell seven exercises, on this machine, without a server.

    Eight node processes, each with the smartwatch readings of one wearer, find each other by mDNS
    on loopback, gossip until they stop getting better, and are judged on two wearers whose
    readings no node has seen.  The first run compiles kernels for about a quarter of a minute.
    """
    from rich.console import Console

    from gossipfl.node.harness.demo import run_demo

    end_as_by_ctrl_c()
    console = Console(stderr=True)
    console.print("Preparing kernels (compiled once, then cached) ...")
    with tempfile.TemporaryDirectory(prefix="gossipfl-") as temporary:
        report = run_demo(keep or Path(temporary), seed)
    if as_json:
        click.echo(report.as_json())
    else:
        print_report(report, Console())
    if not report.proof.holds:
        raise click.ClickException("the proof does not hold: keep the directories with --keep")


def print_report(report: "Report", console: "Console") -> None:
    """What was learnt, what it cost, and how we know."""
    console.print(_accuracy(report))
    console.print(_cost(report))
    console.print(_proof(report))


def _accuracy(report: "Report") -> str:
    mesh, lone = report.mesh, report.lone
    mean, alone = sum(mesh) / len(mesh), sum(lone) / len(lone)
    return (
        "\n[bold]Accuracy on two wearers nobody trained on[/]\n"
        f"  alone    mean {alone:.1%}   worst {min(lone):.1%}   best {max(lone):.1%}\n"
        f"  [bold]mesh     mean {mean:.1%}   worst {min(mesh):.1%}   best {max(mesh):.1%}[/]\n"
        f"  pooled        {report.pooled:.1%}   (all readings on one computer: the ceiling)"
    )


def _cost(report: "Report") -> str:
    sent = sum(report.sent_bytes) / len(report.sent_bytes)
    return (
        f"\n[bold]Cost[/]  ({report.rounds} rounds, {report.mesh_s:.0f} s)\n"
        f"  sent per node      {sent / 1000:.1f} kB on the wire, as counted by the transport\n"
        f"  trained model      {report.model_bytes / 1000:.1f} kB: "
        f"{sent / report.model_bytes:.2f} copies of it\n"
        f"  exported model     {report.exported_bytes / 1000:.1f} kB (with full first layer): "
        f"{sent / report.exported_bytes:.2f} copies of it\n"
        f"  memory per node    {report.memory_bytes / 1e6:.0f} MB"
    )


def _proof(report: "Report") -> str:
    proof = report.proof
    disjoint = "no two opened the same readings" if proof.files_are_disjoint else "OVERLAP!"
    encrypted = "all encrypted" if proof.links_are_encrypted else "NOT ALL ENCRYPTED!"
    lines = [f"    {name}  {Path(path).name}" for name, path in sorted(proof.files.items())]
    return (
        "\n[bold]Proof[/]\n"
        f"  {len(proof.files)} processes, by their own event logs: {disjoint}\n"
        + "\n".join(lines)
        + f"\n  {proof.links} link ends, {encrypted}: {', '.join(proof.ciphers)}\n"
        f"  a stranger without the cluster key knocked at {proof.doors} doors and got "
        f"{proof.stranger_bytes} bytes back"
    )
