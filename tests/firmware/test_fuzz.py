"""The firmware under sanitizers, whatever wire, gateway or flash may hold."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.firmware.library import COMPILER, NO_COMPILER, SMALL, compile_c

HARNESS = Path(__file__).parent / "fuzz.c"
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g")


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The harness, compiled with sanitizers."""
    if COMPILER is None:
        pytest.skip(NO_COMPILER)
    path = tmp_path_factory.mktemp("fuzz") / "fuzz"
    return compile_c(path, *SANITIZERS, str(HARNESS), sizes=SMALL)


def run(harness: Path, inputs: int, seed: int) -> None:
    done = subprocess.run([harness, str(inputs), str(seed)], capture_output=True, check=False)
    found = re.fullmatch(r"(\d+) inputs, (\d+) transfers, (\d+) exchanges\n", done.stdout.decode())
    assert found, done.stderr.decode()[-3000:]
    assert int(found[1]) == inputs
    # Most got past enrolment and transfer, and many further than that.
    assert int(found[2]) > inputs / 4
    assert int(found[3]) > inputs / 4


def test_nothing_makes_the_firmware_misbehave(harness: Path) -> None:
    run(harness, 2_000, 1)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2, 12))
def test_nothing_makes_the_firmware_misbehave_by_the_million(harness: Path, seed: int) -> None:
    run(harness, 100_000, seed)
