"""`gossipfl gateway`: microcontrollers take part through this machine."""

from pathlib import Path
from typing import Any

import attrs
import click

from gossipfl.config import NodeConfig
from gossipfl.node.cli.node import option
from gossipfl.node.cli.options import AS_JSON, state_option
from gossipfl.node.cli.running import CONFIG, EVENTS
from gossipfl.node.gateway.register import GATEWAY, Register
from gossipfl.node.gateway.settings import AGENT_KEYS, DEFAULTS, GatewayConfig, load_settings

STATE = state_option("Directory for devices' keys, models and links.", GATEWAY)


@click.group()
def command() -> None:
    """Let microcontrollers take part: a node of the mesh for each, here.

    \b
    gateway   gossipfl gateway enrol thermostat       (prints a code and a public key)
    operator  gossipfl cluster admit thermostat --public-key KEY
    gateway   gossipfl gateway admit thermostat.join
    gateway   gossipfl gateway run --uart /dev/ttyUSB0
    device    is given the code once
    """


@command.command()
@click.argument("name")
@STATE
def enrol(name: str, state: Path) -> None:
    """Give the device NAME a place here, and a one-time code.

    Again for a device that has lost its flash: the code before is worth nothing then, and the
    device keeps its place in the mesh.
    """
    from gossipfl.security.identity import encode_public

    place, code = Register(state).enrol(name)
    click.echo(f"code        {code}   (for the device, once)")
    click.echo(f"public key  {encode_public(place.home.device_key().public)}")
    if not place.home.admission.exists():
        click.echo(f"Next: the operator runs gossipfl cluster admit {name} --public-key KEY,")
        click.echo(f"      then here gossipfl gateway admit {name}.join")


@command.command()
@click.argument("join_file", type=click.Path(path_type=Path))
@STATE
def admit(join_file: Path, state: Path) -> None:
    """Take the join file of one of the devices here; a gateway that runs serves it at once."""
    click.echo(f"{Register(state).admit(join_file)} is admitted")


@command.command()
@click.argument("name")
@STATE
def rotate(name: str, state: Path) -> None:
    """Have the device NAME replace its key as soon as it says anything."""
    Register(state).place(name).ask_for_rotation()
    click.echo(f"{name} will be asked for its next key")


@command.command("hand-over")
@click.argument("name")
@click.option("--to", required=True, help="What `gossipfl gateway key` printed there.")
@click.option("--output", type=click.Path(path_type=Path), help="Default: NAME.device")
@STATE
def hand_over(name: str, to: str, output: Path | None, state: Path) -> None:
    """Let the device NAME move to another gateway, with its model, its links and its keys.

    It is served here no more.  The file is sealed for that gateway: send it by any way.
    """
    from gossipfl.node.gateway.handover import hand_over
    from gossipfl.security.identity import decode_public

    path = output or Path(f"{name}.device")
    hand_over(Register(state).place(name), decode_public(to), path)
    click.echo(f"Wrote {path}; there: gossipfl gateway take-over {path.name}")


@command.command("take-over")
@click.argument("luggage", type=click.Path(path_type=Path))
@STATE
def take_over(luggage: Path, state: Path) -> None:
    """Serve a device that comes from another gateway, from where it was."""
    from gossipfl.node.gateway.handover import take_over

    click.echo(f"{take_over(Register(state), luggage).name} is served here now")


@command.command()
@STATE
def key(state: Path) -> None:
    """Print this gateway's public key, which devices that move here are sealed for."""
    from gossipfl.security.identity import encode_public

    click.echo(encode_public(Register(state).key().public))


def _run_options(function: Any) -> Any:
    for attribute in reversed((*attrs.fields(NodeConfig), *attrs.fields(GatewayConfig))):
        if attribute.name in AGENT_KEYS or attribute in attrs.fields(GatewayConfig):
            default = DEFAULTS.get(attribute.name)
            function = option(attribute, default=default)(function)
    return function


@command.command()
@CONFIG
@EVENTS
@_run_options
def run(config: Path | None, events: str, **flags: Any) -> None:
    """Serve all devices that are admitted, until Ctrl-C or SIGTERM.

    Each has a node of its own here, with its own certificate and links; their settings are those of
    `gossipfl node`.  Started again, all go on where they stopped, even after kill -9.
    """
    given = {key: value for key, value in flags.items() if value not in (None, ())}
    settings, own = load_settings(config, given)
    import trio

    from gossipfl.node.device import SINKS
    from gossipfl.node.gateway.gateway import Gateway

    sink = SINKS[events]
    gateway = Gateway(
        Register(settings.state),
        settings,
        own.wires(),
        *([sink] if sink else []),
        takes_samples=own.allow_sample_upload,
    )
    trio.run(gateway.run)


@command.command()
@STATE
@AS_JSON
def status(state: Path, as_json: bool) -> None:
    """Show each device with its battery, its link, and when it was last seen."""
    from gossipfl.node.cli.status import show_status

    show_status(state, as_json=as_json)
