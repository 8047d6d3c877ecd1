"""A child's peak is its own, not its parent's."""

import subprocess
import sys

from gossipfl.node.memory import peak_bytes

PROBE = "from gossipfl.node.memory import peak_bytes; print(peak_bytes())"


def test_a_fat_parent_does_not_show_in_its_child() -> None:
    ballast = bytearray(b"x" * 400_000_000)
    run = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    assert peak_bytes() > len(ballast)
    assert 1_000_000 < int(run.stdout) < 100_000_000
