"""The object that "package.module:name" names."""

import importlib
import inspect
import sys
from collections.abc import Callable
from typing import Any

from gossipfl.adapters.surroundings import NodeContext
from gossipfl.errors import ConfigError


def load(spec: str) -> Any:
    """The object; modules are looked for in the current directory first.  Raises ConfigError."""
    module_name, mark, path = spec.partition(":")
    if not mark or not module_name or not path:
        raise ConfigError(f"{spec!r:.80} is not package.module:name")
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        found: Any = importlib.import_module(module_name)
    except Exception as error:  # an app's module may raise anything while it is imported
        raise ConfigError(f"cannot import {module_name}: {_reason(error)}") from None
    for name in path.split("."):
        if not hasattr(found, name):
            raise ConfigError(f"{module_name} has no {path!r:.80}")
        found = getattr(found, name)
    return found


def make(factory: Callable[..., Any], context: NodeContext) -> Any:
    """What a factory returns, called with the context, or with nothing if it takes nothing.

    A parameter `cid: str`, as old Flower apps have it, gets the partition's number.
    Raises ConfigError when the factory fails.
    """
    try:
        parameters = list(inspect.signature(factory).parameters.values())
        if not parameters or parameters[0].default is not inspect.Parameter.empty:
            return factory()
        if parameters[0].name == "cid" or parameters[0].annotation is str:
            return factory(str(context.node_config.get("partition-id", context.node_id)))
        return factory(context)
    except Exception as error:  # the app's own code may raise anything
        name = getattr(factory, "__qualname__", factory)
        raise ConfigError(f"{name} failed: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    text = (str(error).strip() or "no reason given").splitlines()[0]
    return f"{type(error).__name__}: {text:.300}"
