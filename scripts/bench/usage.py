"""What a process has used, as the kernel counts it."""

import os
from pathlib import Path


def cpu_s(pid: int) -> float:
    """CPU seconds of a process that runs."""
    used = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, used)) / os.sysconf("SC_CLK_TCK")


def peak_mb(pid: int) -> float:
    """MB that a process which runs has held at most."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
