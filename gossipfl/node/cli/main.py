"""`gossipfl`: the group of all commands, and how errors reach a person."""

import importlib
import sys
from typing import Final, NoReturn

import click

from gossipfl import __version__
from gossipfl.errors import GossipFLError

# name -> module in this package whose attribute `command` is the click command.
COMMANDS: Final = (
    "demo",
    "cluster",
    "release",
    "model",
    "node",
    "seed",
    "key",
    "gateway",
    "status",
    "predict",
    "evaluate",
    "train",
    "export",
    "swarm",
    "simulate",
    "partition",
    "topology",
    "doctor",
)


class LazyGroup(click.Group):
    """Imports a command's module only when that command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"gossipfl.node.cli.{name}")
        command: click.Command = module.command
        return command


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="gossipfl")
def gossipfl() -> None:
    """Devices learn one model together, with no server, and no reading leaves its device.

    See it work:  gossipfl demo

    \b
    On real devices:
      operator  gossipfl cluster create home --like readings.csv --target activity
      device    gossipfl key                              (prints the device's public key)
      operator  gossipfl cluster admit kitchen-pi --public-key KEY
      device    gossipfl node --join kitchen-pi.join --data readings.csv
    """


def main() -> None:
    """Entry point: errors of ours are one line and exit status 2; Ctrl-C is 130."""
    try:
        gossipfl.main(prog_name="gossipfl", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except GossipFLError as error:
        _exit_with(error)
    except BaseExceptionGroup as group:  # what leaves a nursery
        if group.subgroup(KeyboardInterrupt):
            sys.exit(130)
        _exit_with(_first_of_ours(group))


def _exit_with(error: BaseException) -> NoReturn:
    click.echo(f"gossipfl: {error}", err=True)
    sys.exit(2)


def _first_of_ours(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """One error to show.  Any error in the group that is not ours is a bug, so let it crash."""
    ours, others = group.split(GossipFLError)
    if ours is None or others is not None:
        raise group
    error: BaseException = ours
    while isinstance(error, BaseExceptionGroup):
        (error, *_) = error.exceptions
    return error
