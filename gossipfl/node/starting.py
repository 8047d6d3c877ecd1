"""How a process that runs for long is started."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def undisturbed_start() -> Iterator[None]:
    """Python looks for no cycles in here, and never among what was made in here.

    Modules, classes and kernels come by the hundred thousand and stay, so that looking through them
    again and again costs much of a node's start, and delays every frame later.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
