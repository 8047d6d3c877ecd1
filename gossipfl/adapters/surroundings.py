"""What an app is told about the node that it runs on."""

import tomllib
from collections.abc import Iterable
from typing import Any, Final

from attrs import field, frozen

from gossipfl.errors import ConfigError

Settings = dict[str, bool | int | float | str]
SETTINGS_MAX: Final = 256
SETTING_MAX: Final = 4096  # characters


@frozen
class NodeContext:
    """The attributes of Flower's Context, also for apps that run without Flower.

    node_config: this node's own settings, such as partition-id.  run_config: the whole run's.
    state: for the app to keep things in between two calls.
    """

    node_id: int
    node_config: Settings = field(factory=dict)
    run_config: Settings = field(factory=dict)
    run_id: int = 1
    state: dict[str, Any] = field(factory=dict)


def parse_settings(name: str, pairs: Iterable[str]) -> Settings:
    """Settings from texts such as "lr=0.1 batch-size=8": TOML values, or else plain text.

    Raises ConfigError, naming the option.
    """
    found: Settings = {}
    for pair in _words(pairs):
        key, mark, value = pair.partition("=")
        if not mark or not key or len(pair) > SETTING_MAX:
            raise ConfigError(f"{name}: {pair!r:.80} is not KEY=VALUE")
        if key in found:
            raise ConfigError(f"{name}: {key!r:.80} is given twice")
        found[key] = _value(value)
    if len(found) > SETTINGS_MAX:
        raise ConfigError(f"{name}: at most {SETTINGS_MAX} settings")
    return found


def _words(pairs: Iterable[str]) -> list[str]:
    """One pair a text, or several unquoted ones with spaces between, as `flwr run` takes them."""
    found: list[str] = []
    for text in pairs:
        words = text.split()
        several = len(words) > 1 and all("=" in word for word in words)
        found += words if several else [text.strip()]
    return found


def _value(text: str) -> bool | int | float | str:
    try:
        values = list(tomllib.loads(f"value = {text}").values())
    except tomllib.TOMLDecodeError:
        return text
    scalar = len(values) == 1 and isinstance(values[0], bool | int | float | str)
    return values[0] if scalar else text
