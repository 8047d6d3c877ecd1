"""`gossipfl seed`: a node that leads others while they lack neighbours."""

from pathlib import Path
from typing import Any

import attrs
import click

from gossipfl.central.settings import CoordinatorSettings
from gossipfl.config import NodeConfig
from gossipfl.node.cli.node import check_addresses, option
from gossipfl.node.seeding import NODE_KEYS, STATE, load_settings


def _options(function: Any) -> Any:
    for attribute in reversed(attrs.fields(CoordinatorSettings)):
        function = option(attribute)(function)
    for attribute in reversed(attrs.fields(NodeConfig)):
        if attribute.name in NODE_KEYS:
            default = str(STATE) if attribute.name == "state" else None
            function = option(attribute, default=default)(function)
    return function


@click.command()
@click.option(
    "--config", type=click.Path(path_type=Path), help="TOML file; its keys are these flags' names."
)
@click.option(
    "--join", type=click.Path(path_type=Path), help="Join file from the operator, needed once."
)
@click.option(
    "--events",
    type=click.Choice(["text", "json", "none"]),
    default="text",
    show_default=True,
    help="How to report: for people on stderr, as JSON lines on stdout, or not.",
)
@_options
def command(config: Path | None, join: Path | None, events: str, **flags: Any) -> None:
    """Introduce nodes to each other, keep the model for newcomers, and average for nodes that lack
    neighbours (FedAvg), until they have some again.

    A seed has no readings.  Runs until Ctrl-C or SIGTERM; started again, it goes on where it
    stopped, even after kill -9.

    \b
    seed      gossipfl key --state ~/.gossipfl/seed
    operator  gossipfl cluster admit attic --role seed --public-key KEY
    seed      gossipfl seed --join attic.join
    nodes     gossipfl node --data readings.csv --peer ATTIC:7411
    """
    given = {key: value for key, value in flags.items() if value not in (None, ())}
    settings, coordination = load_settings(config, given)
    check_addresses(given, config, settings)
    from gossipfl.node.starting import undisturbed_start

    with undisturbed_start():
        import trio

        from gossipfl.node.device import SINKS, Device, take_join_file
        from gossipfl.node.seeding import bring_coordinator

        if join is not None:
            take_join_file(settings.state, join)
        sink = SINKS[events]
        device = Device(
            settings,
            *([sink] if sink else []),
            bring=bring_coordinator(coordination),
            links_max=coordination.clients_max,
        )
    trio.run(device.run)
