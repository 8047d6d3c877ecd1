"""`gossipfl doctor`: what a node on this device will stumble over, before it does."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from gossipfl.node.cli.node import config_options, given_config

if TYPE_CHECKING:
    from gossipfl.node.doctor import Finding

_COLOURS: Final = {"ok": "green", "warning": "yellow", "failed": "red"}


@click.command()
@click.option("--config", type=click.Path(path_type=Path), help="TOML file of the node.")
@click.option("--json", "as_json", is_flag=True, help="The findings as JSON.")
@config_options("state", "listen", "interface", "mdns")
def command(config: Path | None, as_json: bool, **flags: Any) -> None:
    """Check everything that a node needs on this device.

    Changes nothing, also while a node runs.  Exit status 1 when anything failed.
    """
    settings = given_config(config, flags)
    import time

    import trio

    from gossipfl.node.doctor import examine

    findings = trio.run(examine, settings, time.time())
    (_print_json if as_json else _print)(findings)
    if any(finding.verdict == "failed" for finding in findings):
        sys.exit(1)


def _print(findings: "list[Finding]") -> None:
    for finding in findings:
        mark = click.style(f"{finding.verdict:<8}", fg=_COLOURS[finding.verdict])
        remedy = f": {finding.remedy}" if finding.remedy else ""
        click.echo(f"{mark} {finding.check:<12} {finding.text}{remedy}")


def _print_json(findings: "list[Finding]") -> None:
    import attrs

    click.echo(json.dumps([attrs.asdict(finding) for finding in findings], indent=2))
