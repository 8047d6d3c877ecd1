"""How one node behaves: every key of the TOML file is a field here and a flag of `gossipfl node`.

What the whole cluster must agree on (model, training, compression) is in the manifest instead.
"""

import difflib
import math
import tomllib
from pathlib import Path
from typing import Any, Final

import attrs
import cattrs
from attrs import field, frozen
from attrs.validators import ge, gt, in_, le, lt, optional
from cattrs.errors import ClassValidationError

from gossipfl.errors import ConfigError

PRESETS: Final[dict[str, dict[str, float]]] = {
    "local": {"interval_s": 0.2, "ping_interval_s": 5.0, "dead_after_s": 15.0, "resend_s": 2.0},
    "lan": {},
    "wan": {"interval_s": 30.0, "handshake_timeout_s": 20.0, "resend_s": 60.0},
    "battery": {"interval_s": 600.0, "view": 2, "ping_interval_s": 900.0, "dead_after_s": 2700.0},
}


def _setting(default: Any, help: str, *validators: Any) -> Any:
    """A field with the sentence that `--help` shows for it."""
    return field(default=default, validator=list(validators), metadata={"help": help})


@frozen(kw_only=True)
class NodeConfig:
    """Settings of one node.  Units are in the names; defaults suit a home network."""

    state: Path = _setting(  # noqa: RUF009
        Path("~/.gossipfl/node"), "Directory for keys, model and links."
    )
    data: Path | None = _setting(None, "Readings to learn from: .csv, .npz or .parquet.")  # noqa: RUF009
    listen: str = _setting("0.0.0.0:7411", "Address to accept links on; port 0 picks a free one.")
    peer: tuple[str, ...] = _setting((), "Address of a peer to dial, host:port; may be repeated.")
    mdns: bool = _setting(True, "Find peers by multicast DNS.")
    interface: tuple[str, ...] = _setting(
        (), "Own IP address to use for mDNS; may be repeated.  Default: all."
    )
    hints: bool = _setting(True, "Also dial addresses that neighbours tell.")
    preset: str = _setting("lan", "Defaults for: " + ", ".join(PRESETS) + ".", in_(tuple(PRESETS)))
    view: int = _setting(4, "Links to keep up.  More mixes faster and costs memory.", ge(1), le(64))
    view_max: int = _setting(8, "Links to accept at most.", ge(1), le(64))
    interval_s: float = _setting(
        5.0, "Mean seconds between rounds, drawn at random.  Lower: faster, more bytes.", gt(0)
    )
    settle_s: float = _setting(
        1.0, "Seconds without news about input statistics before training starts.", ge(0)
    )
    resend_s: float = _setting(10.0, "Seconds before an unanswered request is repeated.", gt(0))
    handshake_timeout_s: float = _setting(5.0, "Seconds that a handshake may take.", gt(0))
    ping_interval_s: float = _setting(15.0, "Seconds of silence before we ask for life.", gt(0))
    dead_after_s: float = _setting(45.0, "Seconds of silence before a link is dropped.", gt(0))
    checkpoint_interval_s: float = _setting(
        5.0, "Seconds of local training that a crash may cost at most.", gt(0)
    )
    validation: float = _setting(
        0.1, "Share of the readings kept back to judge the model.", ge(0), lt(1)
    )
    lateness_interval_s: float = _setting(
        0.0, "Measure every so many seconds how late the event loop wakes; 0 does not.", ge(0)
    )
    rounds: int = _setting(0, "Stop after this many rounds; 0 runs until stopped.", ge(0))
    seed: int | None = _setting(
        None, "Seed for every random choice; default: from the system.", optional(ge(0))
    )

    def __attrs_post_init__(self) -> None:
        if self.view_max < self.view:
            raise ValueError(f"view_max ({self.view_max}) is below view ({self.view})")
        if self.dead_after_s <= self.ping_interval_s:
            raise ValueError("dead_after_s must exceed ping_interval_s, or every link dies")


KEYS: Final = tuple(a.name for a in attrs.fields(NodeConfig))


def load_config(path: Path | None, flags: dict[str, Any]) -> NodeConfig:
    """The settings from defaults, then the preset, then the file, then the flags.

    Raises ConfigError, one line with file, key and remedy.
    """
    settings = _read(path) if path else {}
    if path:
        build_config(settings, str(path))  # first alone, so that its own errors name it
    return build_config(settings | flags, "the command line")


def build_config(settings: dict[str, Any], where: str) -> NodeConfig:
    """A NodeConfig from plain values; `where` is named in errors."""
    for key in settings:
        if key not in KEYS:
            raise ConfigError(f"{where}: unknown key {key!r}{_suggestion(key)}")
    # The default directory goes through the converter too: it starts with "~".
    state = {"state": attrs.fields(NodeConfig).state.default}
    try:
        return _converter.structure({**state, **_preset(settings), **settings}, NodeConfig)
    except ClassValidationError as error:
        raise ConfigError(f"{where}: {_first_reason(error)}") from None


def _preset(settings: dict[str, Any]) -> dict[str, float]:
    """What the preset sets; none for a wrong name, which its own validator refuses."""
    name = settings.get("preset")
    return PRESETS.get(name, {}) if isinstance(name, str) else {}


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from None


def _suggestion(key: str) -> str:
    near = difflib.get_close_matches(key.replace("-", "_"), KEYS, 1)
    return f"; did you mean '{near[0]}'?" if near else f"; known keys: {', '.join(KEYS)}"


def _first_reason(error: BaseException) -> str:
    """The innermost cause, with the key that it is about."""
    key = ""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
        for note in getattr(error, "__notes__", []):
            key = getattr(note, "name", key)
    reason = str(error.args[0]) if error.args else str(error)
    return f"{key}: {reason}" if key and key not in reason else reason


def _string(value: object) -> str:
    if not isinstance(value, str | Path):
        raise ValueError(f"{value!r} is not text in quotes")
    if "\0" in str(value):
        raise ValueError("a text has no NUL character in it")
    return str(value)


def _path(value: object) -> Path:
    try:
        return Path(_string(value)).expanduser()
    except RuntimeError:
        raise ValueError(f"{str(value)!r} starts with a home directory that is not known") from None


def _strings(value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"{value!r} is not a list: write [{value!r}]")
    return tuple(_string(each) for each in value)


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise ValueError(f"{value!r} is not true or false")


def _whole(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError(f"{value!r} is not a whole number")


def _real(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    raise ValueError(f"{value!r} is not a finite number")


def _strict_converter() -> cattrs.Converter:
    """Takes values as they are: cattrs alone would read "4", 4.7 and true as whole numbers."""
    converter = cattrs.Converter(forbid_extra_keys=True)
    converter.register_structure_hook(Path, lambda value, _: _path(value))
    converter.register_structure_hook(str, lambda value, _: _string(value))
    converter.register_structure_hook(bool, lambda value, _: _boolean(value))
    converter.register_structure_hook(int, lambda value, _: _whole(value))
    converter.register_structure_hook(float, lambda value, _: _real(value))
    converter.register_structure_hook_func(
        lambda kind: kind == tuple[str, ...], lambda value, _: _strings(value)
    )
    return converter


_converter: Final = _strict_converter()
