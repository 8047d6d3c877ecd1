"""Virtual environments of their own for rivals, and the one thread that all are measured with."""

import subprocess
import sys
from pathlib import Path

from figures import progress
from places import CACHE

ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}


def environment(name: str, *requirements: str) -> Path:
    """The Python of a virtual environment of its own that has `requirements`, made once."""
    place = CACHE / name
    python, ready = place / "bin" / "python", place / "ready"
    wanted = "\n".join(requirements)
    if not ready.exists() or ready.read_text() != wanted:
        progress(f"installing {', '.join(requirements)}")
        CACHE.mkdir(parents=True, exist_ok=True)
        run(sys.executable, "-m", "venv", str(place))
        run(str(python), "-m", "pip", "install", "--quiet", "--no-cache-dir", *requirements)
        ready.write_text(wanted)
    return python


def run(*command: str) -> None:
    """Run to a good end, with its output among the progress."""
    subprocess.run(command, check=True, stdout=sys.stderr)
