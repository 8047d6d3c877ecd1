"""What devices in virtual time take."""

from pathlib import Path

import numpy as np
import pytest

from tests.firmware.library import COMPILER, NO_COMPILER, RIG, SMALL, Firmware, compile_c
from tests.simulation.cluster import SEED


@pytest.fixture
def rng() -> np.random.Generator:
    """Randomness of the test itself, such as its data."""
    return np.random.default_rng([SEED, 78])


@pytest.fixture(scope="session")
def firmware(tmp_path_factory: pytest.TempPathFactory) -> Firmware:
    """The C library, with room for 40 parameters."""
    if COMPILER is None:
        pytest.skip(NO_COMPILER)
    path: Path = tmp_path_factory.mktemp("firmware") / "firmware.so"
    compile_c(path, "-shared", "-fPIC", str(RIG), sizes=SMALL)
    return Firmware(path, SMALL)
