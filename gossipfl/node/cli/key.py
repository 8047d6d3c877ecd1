"""`gossipfl key`: who this device is."""

from pathlib import Path

import click

from gossipfl.node.cli.options import state_option


@click.command()
@state_option("Directory for keys, model and links.")
def command(state: Path) -> None:
    """Print this device's public key, making the key pair on first use.

    The operator needs it for `gossipfl cluster admit`.  The secret half never leaves the device.
    """
    from gossipfl.node.state.home import Home
    from gossipfl.security.identity import encode_public

    click.echo(encode_public(Home(state.expanduser()).device_key().public))
