"""Layers as plain maps, for manifests and TOML files: {"layer": "Dense", "units": 32}."""

from typing import Any, Final

import attrs

from gossipfl.errors import ConfigError
from gossipfl.models import layers
from gossipfl.models.layers import Layer
from gossipfl.suggestion import suggest

KINDS: Final[dict[str, Any]] = {
    name: kind
    for name in layers.__all__
    if attrs.has(kind := getattr(layers, name)) and hasattr(kind, "bind")
}


def describe(layer: Layer) -> dict[str, Any]:
    """The map that `declare` makes this layer of.

    Settings at their defaults are left out: a layer may gain one, and manifests keep their id.
    """
    settings = {
        field.name: value
        for field in attrs.fields(type(layer))  # type: ignore[arg-type]
        if (value := getattr(layer, field.name)) != field.default
    }
    return {"layer": type(layer).__name__, **settings}


def declare(plain: Any) -> Layer:
    """The layer of a map.  Raises ConfigError that says what is wrong with it."""
    if not isinstance(plain, dict) or not isinstance(plain.get("layer"), str):
        raise ConfigError(f'a layer is a map with its kind, {{layer = "Dense"}}, not {plain!r:.80}')
    given = dict(plain)
    name = given.pop("layer")
    if name not in KINDS:
        raise ConfigError(f"there is no layer {name[:40]!r}; {suggest(name, KINDS)}")
    kind = KINDS[name]
    known = [field.name for field in attrs.fields(kind)]
    for key in given:
        if key not in known:
            raise ConfigError(f"{name} has no setting {key!r:.40}; {suggest(str(key), known)}")
    try:
        layer: Layer = kind(**given)
    except TypeError:
        required = [f.name for f in attrs.fields(kind) if f.default is attrs.NOTHING]
        raise ConfigError(f"{name} needs {', '.join(required)}") from None
    return layer
