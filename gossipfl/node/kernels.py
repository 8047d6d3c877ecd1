"""Compiling, or loading, every kernel that a node may need, before it has anybody waiting."""

from gossipfl import compression
from gossipfl.learning import training


def warm_kernels() -> None:
    """Blocks: seconds from the cache, a quarter of a minute when they have to be compiled."""
    training.warm()
    compression.warm()
