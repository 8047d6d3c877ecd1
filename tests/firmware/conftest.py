"""The firmware, compiled once a session for each choice of sizes."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.firmware.device import Make, made_of
from tests.firmware.library import COMPILER, NO_COMPILER, RIG, SMALL, Firmware, Sizes, compile_c
from tests.firmware.micropython.board import (
    MICROPYTHON,
    NO_MICROPYTHON,
    Board,
    Interpreter,
)

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


@pytest.fixture(scope="session")
def interpreter() -> Iterator[Interpreter]:
    """MicroPython, with the memory that it likes best."""
    if MICROPYTHON is None:
        pytest.skip(NO_MICROPYTHON)
    process = Interpreter()
    yield process
    process.kill()


@pytest.fixture(params=["c", "micropython"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Makes a test's device, with room for 40 parameters."""
    if request.param == "c":
        return made_of(request.getfixturevalue("build")(SMALL))
    interpreter = request.getfixturevalue("interpreter")
    return lambda features, classes: Board(interpreter, tmp_path, features, classes)
