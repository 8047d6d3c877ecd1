"""Randomness by name, so that a new source of it leaves all others as they were."""

import zlib

import numpy as np


def stream(seed: int, name: str, *numbers: int) -> np.random.Generator:
    """The generator of one purpose, for instance stream(7, "loss"); all are independent."""
    return np.random.Generator(np.random.PCG64([seed, zlib.crc32(name.encode()), *numbers]))
