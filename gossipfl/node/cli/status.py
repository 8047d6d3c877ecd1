"""`gossipfl status`: what a running node is doing."""

import json
from pathlib import Path
from typing import Any

import click

from gossipfl.config import NodeConfig
from gossipfl.node.cli.options import AS_JSON, state_option


@click.command()
@state_option()
@AS_JSON
def command(state: Path, as_json: bool) -> None:
    """Ask the node that runs on this device, or else the gateway, how it fares."""
    from gossipfl.node.gateway.register import GATEWAY

    if state == NodeConfig().state and not _answers(state) and _answers(GATEWAY):
        state = GATEWAY
    show_status(state, as_json=as_json)


def _answers(state: Path) -> bool:
    return (state.expanduser() / "status.sock").exists()


def show_status(state: Path, *, as_json: bool) -> None:
    """What runs in a state directory, for people or as JSON.  Raises StateError."""
    import trio

    from gossipfl.node.cli.devices import print_devices
    from gossipfl.node.state.home import Home
    from gossipfl.node.status import ask

    answer = trio.run(ask, Home(state.expanduser()).status_socket, "status")
    if as_json:
        click.echo(json.dumps(answer, indent=2))
    elif "devices" in answer:
        print_devices(answer)
    else:
        _print(answer)


def _print(answer: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    facts = Table.grid(padding=(0, 2))
    for label, value in _facts(answer):
        facts.add_row(f"[bold]{label}[/]", value)
    console.print(facts)
    table = Table("neighbour", "address", "exchanges", "granted", "silent", "cipher")
    for row in answer["neighbours"]:
        table.add_row(
            row["name"],
            row["address"],
            str(row["exchanges"]),
            f"{row['granted']:.0%}",
            f"{row['silent_s']} s",
            row["cipher"],
        )
    console.print(table)


def _facts(answer: dict[str, Any]) -> list[tuple[str, str]]:
    private = ", ".join(answer["private"])
    return [
        ("node", f"{answer['name']} ({', '.join(answer['roles'])}) of cluster {answer['cluster']}"),
        ("state", _state(answer)),
        ("model", answer["model"] + (f"; private: {private}" if private else "")),
        ("readings", _readings(answer)),
        ("quality", _quality(answer)),
        ("best", _best(answer)),
        ("release", tell_release(answer["release"])),
        ("settings release", tell_release(answer["settings_release"])),
        ("traffic", f"{answer['sent_bytes']:,} B sent, {answer['received_bytes']:,} B received"),
        ("members", _members(answer["members"])),
        ("memory", f"{answer['memory_bytes'] / 1e6:.0f} MB"),
    ]


def tell_release(release: dict[str, Any] | None) -> str:
    """One line on what `Releases.status` says."""
    if release is None:
        return "none"
    text = f"{release['number']}, {release['phase']}"
    if release["phase"] == "withdrawn":
        return f"{text}: the operator took {release['withdraws']} back"
    passed = sum(stage["passed"] for stage in release["stages"])
    return (
        f"{text}; {passed} of {len(release['stages'])} stages passed, this node is in stage "
        f"{release['slice']}"
    )


def _state(answer: dict[str, Any]) -> str:
    led = {"gossip": "", "central": ", led by a seed", "alone": ", alone"}[answer["mode"]]
    return f"{answer['state']}{led}, {answer['rounds']} rounds in {answer['uptime_s']:.0f} s"


def _members(members: dict[str, int]) -> str:
    text = f"{members['living']} others"
    return text + (f", {members['dead']} more fell silent" if members["dead"] else "")


def _readings(answer: dict[str, Any]) -> str:
    text = f"{answer['samples']:,} for training"
    if answer["readings"] is not None:
        text += f", of {answer['readings']:,} read"
    if answer["files_refused"]:
        text += f"; refused: {', '.join(answer['files_refused'][-3:])}"
    if answer["drift"] is not None:
        text += f"; drift {answer['drift']:.2f} in {answer['drift_feature']}"
    return text


def _best(answer: dict[str, Any]) -> str:
    if answer["best_round"] is None:
        return "none yet"
    return f"after round {answer['best_round']}, loss {answer['best_validation_loss']:.4g}"


def _quality(answer: dict[str, Any]) -> str:
    if answer["accuracy"] is not None:
        return f"{100 * answer['accuracy']:.1f} % of held-back readings right"
    if answer["error"] is not None:
        return f"root mean squared error {answer['error']:.4g} on held-back readings"
    return "not judged yet (no held-back readings)"
