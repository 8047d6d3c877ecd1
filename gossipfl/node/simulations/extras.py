"""Packages that only some outputs take."""

import importlib
from typing import Any

from gossipfl.errors import ConfigError


def load_extra(module: str, extra: str) -> Any:
    """The module.  Raises ConfigError naming the extra that installs it."""
    try:
        return importlib.import_module(module)
    except ImportError:
        package = module.partition(".")[0]
        raise ConfigError(
            f"{package} is not installed: pip install 'gossipfl[{extra}]', or leave that flag out"
        ) from None
