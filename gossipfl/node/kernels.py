"""Compiling, or loading, every kernel that a node may need, before it has anybody waiting."""

from gossipfl import compression
from gossipfl.learning import training


def warm_kernels(*, trains: bool = True) -> None:
    """Blocks: a moment from the cache, a quarter of a minute when they have to be compiled.

    trains: a model of layers; seeds, and learners of other frameworks, only exchange.
    """
    if trains:
        training.warm()
    compression.warm()
