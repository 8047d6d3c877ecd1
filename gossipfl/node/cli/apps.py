"""Options of commands that make a cluster for a model of another framework."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click
from click.core import ParameterSource

from gossipfl.errors import ConfigError

if TYPE_CHECKING:
    from gossipfl.foreign import ForeignManifest

F = TypeVar("F", bound=Callable[..., Any])

APPS: Final = ("flower", "numpy_client", "sklearn", "torch")
_OPTIONS: Final = (
    click.option("--flower", metavar="PKG.MODULE:APP", help="A Flower ClientApp, as it is."),
    click.option("--numpy-client", metavar="PKG.MODULE:NAME", help="A Flower NumPyClient."),
    click.option("--sklearn", metavar="PKG.MODULE:NAME", help="What makes an EstimatorTask."),
    click.option("--torch", metavar="PKG.MODULE:NAME", help="What makes a ModuleTask."),
    click.option(
        "--arrays",
        metavar="PKG.MODULE:NAME",
        help="What makes the arrays to learn, where the app does not say: a torch module's class, "
        "or a function that returns arrays.",
    ),
    click.option("--run-config", multiple=True, help="KEY=VALUE for the app; may be repeated."),
    click.option(
        "--node-config", multiple=True, help="KEY=VALUE for the app here; may be repeated."
    ),
    click.option(
        "--correction/--no-correction",
        "corrected",
        default=True,
        help="Correct the drift between unlike nodes; on by default.",
    ),
)
# What still has a meaning beside an app.
_GOSSIP: Final = ("seed", "scheme", "keep_ratio", "trust")
_OWN: Final = (*APPS, "arrays", "run_config", "node_config", "corrected")


def app_options(function: F) -> F:
    """A model of another framework instead of one of layers, as flags."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def make_foreign(
    name: str, settings: dict[str, Any], *, beside: tuple[str, ...]
) -> "ForeignManifest | None":
    """The agreement on the app that was named; None when none was.

    beside: further parameters of the command that make sense with an app.  Raises ConfigError.
    """
    named = [key for key in APPS if settings[key] is not None]
    if not named:
        _refuse_given(_OWN, "it is for an app, and none is named: give --flower or another")
        return None
    if len(named) > 1:
        raise ConfigError(f"name one app: {' or '.join(map(_flag, named))}")
    known = {*_OWN, *_GOSSIP, *beside}
    others = [key for key in click.get_current_context().params if key not in known]
    _refuse_given(others, f"{_flag(named[0])} brings a model and data of its own; leave it out")
    return _manifest(name, named[0], settings)


def app_flags(settings: dict[str, Any]) -> tuple[str, ...]:
    """Flags of `gossipfl node` that run this app with these settings."""
    flags: list[str] = []
    for key, value in settings.items():
        for each in value if isinstance(value, tuple) else (value,) * (value is not None):
            flags += [_flag(key), each]
    return tuple(flags)


def _manifest(name: str, app: str, settings: dict[str, Any]) -> "ForeignManifest":
    from gossipfl.adapters.frameworks import find_arrays
    from gossipfl.adapters.surroundings import NodeContext, parse_settings
    from gossipfl.foreign import ForeignManifest

    framework = app.replace("_", "-")
    context = NodeContext(
        node_id=0,
        node_config=parse_settings("--node-config", settings["node_config"]),
        run_config=parse_settings("--run-config", settings["run_config"]),
    )
    return ForeignManifest(
        cluster=name,
        framework=framework,
        arrays=find_arrays(framework, settings[app], settings["arrays"], context),
        corrected=settings["corrected"],
        **{key: settings[key] for key in _GOSSIP},
    )


def _refuse_given(keys: tuple[str, ...] | list[str], reason: str) -> None:
    context = click.get_current_context()
    for key in keys:
        if context.get_parameter_source(key) is ParameterSource.COMMANDLINE:
            raise ConfigError(f"{_flag(key)}: {reason}")


def _flag(key: str) -> str:
    return "--no-correction" if key == "corrected" else f"--{key.replace('_', '-')}"
