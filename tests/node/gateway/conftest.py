"""What devices in virtual time take."""

from pathlib import Path

import numpy as np
import pytest

from tests.firmware.library import COMPILER, NO_COMPILER, RIG, SMALL, Firmware, Sizes, compile_c
from tests.simulation.cluster import SEED


@pytest.fixture
def rng() -> np.random.Generator:
    """Randomness of the test itself, such as its data."""
    return np.random.default_rng([SEED, 78])


@pytest.fixture(scope="session")
def firmware(tmp_path_factory: pytest.TempPathFactory) -> Firmware:
    """The C library, with room for 40 parameters."""
    return made(tmp_path_factory, SMALL)


@pytest.fixture(scope="session")
def uploading(tmp_path_factory: pytest.TempPathFactory) -> Firmware:
    """For parts that cannot train and send their samples."""
    return made(tmp_path_factory, Sizes(inputs=5, message=128, slot=1152, upload=1))


def made(folders: pytest.TempPathFactory, sizes: Sizes) -> Firmware:
    """The library for these sizes."""
    if COMPILER is None:
        pytest.skip(NO_COMPILER)
    path: Path = folders.mktemp("firmware") / "firmware.so"
    compile_c(path, "-shared", "-fPIC", str(RIG), sizes=sizes)
    return Firmware(path, sizes)
