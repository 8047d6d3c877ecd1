"""How much memory this process has held at most."""

import resource
from pathlib import Path
from typing import Final

STATUS: Final = Path("/proc/self/status")


def peak_bytes() -> int:
    """Peak resident memory since the program started.

    The kernel's own mark, where there is one: getrusage also remembers what the process was that
    forked this one.
    """
    try:
        lines = STATUS.read_text("ascii").splitlines()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    marks = (line.split() for line in lines if line.startswith("VmHWM:"))
    return next((int(words[1]) * 1024 for words in marks), 0)
