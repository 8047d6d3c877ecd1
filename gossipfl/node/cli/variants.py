"""Which runs a sweep is made of: every value of every swept flag, with every seed."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click

from gossipfl.errors import ConfigError

RUNS_MAX: Final = 1000
# They are about the rows and the sweep itself, and --seeds sweeps over seeds.
_FIXED: Final = {
    *("seed", "seeds", "sweep", "workers", "data", "test", "group", "held_back"),
    *("ray", "json", "parquet", "plot"),
}


def variants(
    context: click.Context, settings: dict[str, Any], sweeps: Sequence[str], seeds: int
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """(changes, settings) of every run; `sweeps` are texts KEY=VALUE,VALUE,... with keys of flags.

    changes: the swept flags and their values, plain ones; settings: all, with a seed of its own.

    Raises ConfigError for what is no flag, click's own errors for values that its flag refuses.
    """
    axes = [_axis(context, text) for text in sweeps]
    numbers = [settings["seed"] + number for number in range(seeds)]
    runs = list(itertools.islice(itertools.product(*axes, numbers), RUNS_MAX + 1))
    if len(runs) > RUNS_MAX:
        raise ConfigError(f"more than {RUNS_MAX} runs: sweep over fewer values, or fewer seeds")
    return [
        ({key: _plain(value) for key, value in swept}, {**settings, **dict(swept), "seed": seed})
        for *swept, seed in runs
    ]


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value


def _axis(context: click.Context, text: str) -> list[tuple[str, Any]]:
    """(key, value) for every value of one sweep."""
    key, equals, values = text.partition("=")
    key = key.replace("-", "_")
    flags = {parameter.name: parameter for parameter in context.command.params}
    parameter = flags.get(key)
    if not (equals and values) or key in _FIXED or not isinstance(parameter, click.Option):
        raise ConfigError(f"--sweep {text[:60]!r}: write FLAG=VALUE,VALUE with a flag of a node")
    if parameter.multiple or parameter.is_flag:
        raise ConfigError(f"--sweep {text[:60]!r}: flags without a value, or with several, stay")
    return [(key, parameter.type_cast_value(context, value)) for value in values.split(",")]
