"""`gossipfl seed`: a node that leads others while they lack neighbours."""

from pathlib import Path
from typing import Any

import attrs
import click

from gossipfl.central.settings import CoordinatorSettings
from gossipfl.config import NodeConfig
from gossipfl.node.cli.node import check_addresses, option
from gossipfl.node.cli.running import CONFIG, EVENTS, JOIN, run_device
from gossipfl.node.seeding import NODE_KEYS, STATE, bring_coordinator, load_settings


def _options(function: Any) -> Any:
    for attribute in reversed(attrs.fields(CoordinatorSettings)):
        function = option(attribute)(function)
    for attribute in reversed(attrs.fields(NodeConfig)):
        if attribute.name in NODE_KEYS:
            default = str(STATE) if attribute.name == "state" else None
            function = option(attribute, default=default)(function)
    return function


@click.command()
@CONFIG
@JOIN
@EVENTS
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
    run_device(
        settings,
        join,
        events,
        bring=bring_coordinator(coordination),
        links_max=coordination.clients_max,
    )
