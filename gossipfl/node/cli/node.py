"""`gossipfl node`: one node, on this device, until it is stopped."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, get_args

import attrs
import click

from gossipfl.config import KEYS, NodeConfig, load_config
from gossipfl.errors import ConfigError
from gossipfl.node.cli.running import CONFIG, EVENTS, JOIN, run_device
from gossipfl.transports.address import parse_address

F = TypeVar("F", bound=Callable[..., Any])


def config_options(*keys: str) -> Callable[[F], F]:
    """A flag for each of these keys of NodeConfig; None means that the flag was not given."""

    def decorate(function: F) -> F:
        for attribute in reversed(attrs.fields(NodeConfig)):
            if attribute.name in keys:
                function = option(attribute)(function)
        return function

    return decorate


def option(attribute: "attrs.Attribute[Any]", default: object = None) -> Callable[[F], F]:
    """The flag of one setting; default: what is shown instead of the setting's own."""
    flag, default = attribute.name.replace("_", "-"), default or attribute.default
    shown = "" if default in (None, (), False) else f"  [default: {_shown(default)}]"
    help_text = attribute.metadata["help"] + shown
    if attribute.type is bool:
        return click.option(f"--{flag}/--no-{flag}", default=None, help=help_text)
    repeated = default == ()
    kind = {int: int, float: float}.get(_plain(attribute.type), str)
    return click.option(f"--{flag}", type=kind, default=None, multiple=repeated, help=help_text)


def _shown(default: object) -> str:
    return ("on" if default else "off") if isinstance(default, bool) else str(default)


def _plain(annotation: Any) -> Any:
    return next((arg for arg in get_args(annotation) if arg is not type(None)), annotation)


def given_config(path: Path | None, flags: dict[str, Any]) -> NodeConfig:
    """The settings from the file and the flags that were given, addresses checked as well.

    Raises ConfigError, one line with file or flag, key and remedy.
    """
    given = {key: value for key, value in flags.items() if value not in (None, ())}
    settings = load_config(path, given)
    check_addresses(given, path, settings)
    return settings


def check_addresses(flags: dict[str, Any], path: Path | None, settings: NodeConfig) -> None:
    """Raises ConfigError, one line with flag or file, key and remedy."""
    for key in ("listen", "peer", "advertise"):
        _check_addresses(key, flags, path, settings)


def _check_addresses(
    key: str, flags: dict[str, Any], path: Path | None, settings: NodeConfig
) -> None:
    value = getattr(settings, key)
    where = f"--{key}" if key in flags else f"{path}: {key}"
    for address in (value,) if isinstance(value, str) else value:
        try:
            parse_address(address)
        except ConfigError as error:
            raise ConfigError(f"{where}: {error}") from None


@click.command()
@CONFIG
@JOIN
@EVENTS
@config_options(*KEYS)
def command(config: Path | None, join: Path | None, events: str, **flags: Any) -> None:
    """Learn from this device's readings together with the rest of the cluster.

    Runs until Ctrl-C or SIGTERM; started again, it goes on where it stopped, even after kill -9.

    \b
    First time:  gossipfl node --join kitchen-pi.join --data readings.csv
    Afterwards:  gossipfl node --data readings.csv
    Watch it:    gossipfl status
    """
    settings = given_config(config, flags)
    run_device(settings, join, events)
