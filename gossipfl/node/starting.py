"""How a process that runs for long is started."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

# Objects that were made and not let go until Python looks for cycles among them: about a MB.
LOOK_EVERY: Final = 10_000


@contextmanager
def undisturbed_start() -> Iterator[None]:
    """Python looks for no cycles in here, and never among what was made in here.

    Modules, classes and kernels come by the hundred thousand and stay, so that looking through them
    again and again costs much of a node's start, and delays every frame later.  Nor is it worth its
    while to look through what comes and stays later, such as records, once in 700 objects.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.set_threshold(LOOK_EVERY)
        gc.enable()
