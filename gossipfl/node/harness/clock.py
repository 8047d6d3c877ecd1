"""`gossipfl` with a wall clock of its own: python -m gossipfl.node.harness.clock FILE ARGUMENTS...

The file holds the seconds that the clock is ahead, and may change at any time; without it the clock
is right.  Linux has no wall clock a process, so Python's is replaced, before anybody took it.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path


def clock_of(path: Path, true_clock: Callable[[], float]) -> Callable[[], float]:
    """A clock that is as far ahead as the file says, from each moment that it does."""

    def read() -> float:
        try:
            return true_clock() + float(path.read_text("ascii"))
        except (OSError, ValueError):
            return true_clock()

    return read


def main() -> None:
    """Run `gossipfl` by that clock."""
    path, *arguments = sys.argv[1:]
    time.time = clock_of(Path(path), time.time)
    sys.argv = ["gossipfl", *arguments]
    from gossipfl.node.cli.main import main as run

    run()


if __name__ == "__main__":
    main()
