"""The firmware, compiled once a session for each choice of sizes."""

from collections.abc import Callable

import pytest

from tests.firmware.library import COMPILER, NO_COMPILER, RIG, Firmware, Sizes, compile_c

Build = Callable[[Sizes], Firmware]


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Compiles the library for given sizes."""
    if COMPILER is None:
        pytest.skip(NO_COMPILER)
    made: dict[Sizes, Firmware] = {}

    def make(sizes: Sizes) -> Firmware:
        if sizes not in made:
            path = tmp_path_factory.mktemp("firmware") / "firmware.so"
            compile_c(path, "-shared", "-fPIC", str(RIG), sizes=sizes)
            made[sizes] = Firmware(path, sizes)
        return made[sizes]

    return make


@pytest.fixture(scope="session")
def firmware(build: Build) -> Firmware:
    """For the model of digits, 64-32-10."""
    return build(Sizes())
