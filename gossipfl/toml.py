"""TOML files, read strictly: every mistake is one line with file, key and the nearest right one."""

import math
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, TypeVar

import attrs
import cattrs
from cattrs.errors import ClassValidationError

from gossipfl.errors import ConfigError
from gossipfl.suggestion import suggest

FILE_BYTES_MAX: Final = 1024 * 1024
T = TypeVar("T")


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a file.  Raises ConfigError when it cannot be read or is no TOML."""
    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
        if len(content) > FILE_BYTES_MAX:
            raise ConfigError(f"{path} is above {FILE_BYTES_MAX >> 20} MiB: not a file of settings")
        return tomllib.loads(content.decode())
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from None


def build(kind: type[T], settings: dict[str, Any], where: str) -> T:
    """The attrs class `kind` from plain values; `where` is named in errors.  Raises ConfigError."""
    known = [field.name for field in attrs.fields(kind)]  # type: ignore[arg-type]
    check_keys(settings, known, where)
    try:
        return _converter.structure(settings, kind)
    except ClassValidationError as error:
        raise ConfigError(f"{where}: {_first_reason(error)}") from None


def check_keys(settings: Iterable[str], known: Iterable[str], where: str) -> None:
    """Raises ConfigError, with the nearest known key, for the first that is not known."""
    names = list(known)
    for key in settings:
        if key not in names:
            raise ConfigError(f"{where}: unknown key {key[:40]!r}; {suggest(key, names)}")


def _first_reason(error: BaseException) -> str:
    """The innermost cause, with the key that it is about."""
    key = ""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
        for note in getattr(error, "__notes__", []):
            key = getattr(note, "name", key)
    if isinstance(error, KeyError):
        return f"{error.args[0]} is missing"
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


def _list(value: object) -> list[Any] | tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"{value!r} is not a list: write [{value!r}]")
    return value


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
        lambda kind: kind == tuple[str, ...], lambda value, _: tuple(map(_string, _list(value)))
    )
    converter.register_structure_hook_func(
        lambda kind: kind == tuple[int, ...], lambda value, _: tuple(map(_whole, _list(value)))
    )
    converter.register_structure_hook_func(
        lambda kind: kind == tuple[float, ...], lambda value, _: tuple(map(_real, _list(value)))
    )
    return converter


_converter: Final = _strict_converter()
