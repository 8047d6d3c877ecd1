"""Models in TOML: the layers, and with them whatever else a cluster agrees on about learning.

    shape = [28, 28, 1]        # optional: as the data has it
    standardise = "none"       # optional, as `basis`, `loss` and `quantise`

    [[layers]]
    layer = "Dense"
    units = 32

    [training]                 # optional, fields of TrainingSettings
    learning_rate = 0.05

    [personal]                 # optional, fields of Personalisation
    private = ["head"]

The last layer, Dense with an output for every class or value, is not written: it follows from
the data.
"""

from pathlib import Path
from typing import Any

import attrs

from gossipfl.errors import ConfigError
from gossipfl.learning.settings import TrainingSettings
from gossipfl.models.declaration import declare
from gossipfl.models.layers import Layer, Shape
from gossipfl.models.personalisation import Personalisation
from gossipfl.toml import build, read_toml


@attrs.frozen(kw_only=True)
class _Tables:
    """What stands in a file, as far as types go."""

    shape: tuple[int, ...] = ()
    standardise: str | None = None
    basis: str | None = None
    loss: str | None = None
    quantise: str | None = None
    layers: Any = None
    training: dict[str, Any] = attrs.field(factory=dict)
    personal: dict[str, Any] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class ModelFile:
    """One file.

    source: its path, for messages.
    layers: None where the file leaves them to flags.
    shape: what the layers see an example as; () where the file leaves that to the data.
    settings: what the file says beside the model, by the name of the flag that overrides it.
    training: fields of TrainingSettings.
    """

    source: str
    layers: tuple[Layer, ...] | None
    shape: Shape
    settings: dict[str, Any]
    training: dict[str, Any]


def read_model(path: Path) -> ModelFile:
    """Raises ConfigError, one line with the file, the key and the nearest right one."""
    plain, source = read_toml(path), str(path)
    tables = build(_Tables, plain, source)
    build(TrainingSettings, tables.training, f"{source}, [training]")
    build(Personalisation, tables.personal, f"{source}, [personal]")
    given = {
        "standardise": tables.standardise,
        "basis": tables.basis,
        "loss_function": tables.loss,
        "quantise": tables.quantise,
        **tables.personal,
    }
    return ModelFile(
        source=source,
        layers=None if tables.layers is None else _layers(tables.layers, source),
        shape=tables.shape,
        settings={key: value for key, value in given.items() if value is not None},
        training=tables.training,
    )


def _layers(plain: Any, source: str) -> tuple[Layer, ...]:
    if not isinstance(plain, list):
        raise ConfigError(f"{source}: layers are a list: write [[layers]] above each")
    found: list[Layer] = []
    for place, each in enumerate(plain, start=1):
        try:
            found.append(declare(each))
        except ConfigError as error:
            raise ConfigError(f"{source}: layer {place}: {error}") from None
    return tuple(found)
