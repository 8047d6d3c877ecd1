"""The firmware under sanitizers and libFuzzer: whatever wire, gateway or flash may hold."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.firmware.library import FIRMWARE, FLAGS, SMALL

TARGETS = Path(__file__).parent / "fuzz"
CLANG = shutil.which("clang")
SANITIZERS = ("-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all", "-g", "-O1")
BUILT = (*FLAGS, *SMALL.flags(), "-I", str(FIRMWARE / "src"), *SANITIZERS)
# What libFuzzer starts from.
INPUTS = {
    "codec": b"\0",
    "device": bytes([1, 0, 8, 0, 1, 0]),
    "flash": bytes([2, 1, 0, 0, 0, 0]),
    "framing": b"\3ab\0",
    "messages": b"\x83\1\0\0\0",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the firmware lies compiled for libFuzzer, and what it finds."""
    if CLANG is None:
        pytest.skip("no clang here: scripts/firmware installs it, and its sanitizers")
    path = tmp_path_factory.mktemp("fuzz")
    sources = sorted((FIRMWARE / "src").glob("*.c"))
    subprocess.run([CLANG, *BUILT, "-c", *sources], cwd=path, check=True)
    return path


def search(folder: Path, target: str, inputs: int, seed: int) -> str:
    """What libFuzzer says after so many inputs, none of which it objected to."""
    assert CLANG
    binary, corpus = folder / target, folder / f"{target}-corpus"
    if not binary.exists():
        objects = sorted(folder.glob("*.o"))
        source = TARGETS / f"{target}.c"
        subprocess.run([CLANG, *BUILT, source, *objects, "-o", binary], check=True)
    corpus.mkdir(exist_ok=True)
    (corpus / "first").write_bytes(INPUTS[target])
    limits = (f"-runs={inputs}", f"-seed={seed}", "-max_len=512", "-len_control=10")
    command = [binary, *limits, f"-artifact_prefix={folder}/", corpus]
    done = subprocess.run(command, capture_output=True, check=False)
    said = done.stdout.decode() + done.stderr.decode()
    assert done.returncode == 0, said[-4000:]
    return said


def check_reach(target: str, inputs: int, said: str) -> None:
    """Devices are fuzzed that have got somewhere, not such as never leave their bed."""
    if target == "device":
        found = re.search(r"(\d+) transfers, (\d+) exchanges", said)
    elif target == "flash":
        found = re.search(r"(\d+) enrolled, (\d+) ordered", said)
    else:
        return
    assert found
    assert min(int(found[1]), int(found[2])) > inputs / 10


@pytest.mark.parametrize("target", INPUTS)
def test_nothing_makes_the_firmware_misbehave(folder: Path, target: str) -> None:
    check_reach(target, 2_000, search(folder, target, 2_000, 1))


@pytest.mark.soak
@pytest.mark.parametrize("target", INPUTS)
def test_nothing_makes_the_firmware_misbehave_by_the_million(folder: Path, target: str) -> None:
    inputs = 300_000 if target in ("device", "flash") else 2_000_000  # several minutes each
    check_reach(target, inputs, search(folder, target, inputs, 2))
