"""What all commands that run until they are stopped have in common."""

from pathlib import Path
from typing import Any

import click

from gossipfl.config import NodeConfig

CONFIG = click.option(
    "--config", type=click.Path(path_type=Path), help="TOML file; its keys are these flags' names."
)
JOIN = click.option(
    "--join", type=click.Path(path_type=Path), help="Join file from the operator, needed once."
)
EVENTS = click.option(
    "--events",
    type=click.Choice(["text", "json", "none"]),
    default="text",
    show_default=True,
    help="How to report: for people on stderr, as JSON lines on stdout, or not.",
)


def run_device(settings: NodeConfig, join: Path | None, events: str, **brought: Any) -> None:
    """Run a node or a seed until it is stopped; brought: what `Device` takes besides."""
    from gossipfl.node.starting import undisturbed_start

    with undisturbed_start():
        import trio

        from gossipfl.node.device import SINKS, Device, take_join_file

        if join is not None:
            take_join_file(settings.state, join)
        sink = SINKS[events]
        device = Device(settings, *([sink] if sink else []), **brought)
    trio.run(device.run)
