"""Randomness of the test itself, such as its data."""

import numpy as np
import pytest

from tests.simulation.cluster import SEED


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng([SEED, 77])
