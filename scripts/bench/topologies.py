"""What topologies are worth: exact consensus, rounds to accuracy, the cost of repair.

Run it as scripts/bench/topologies [--quick] [--seeds N] [--part consensus|learning|repair].  Runs
of the simulator are kept, so it goes on where it was stopped.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from figures import Figures
from mixing import exactness, learning, repair


def main() -> None:
    """All parts, or one; with --quick less of each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer sizes, graphs and rounds")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--part", choices=("consensus", "learning", "repair"))
    options = parser.parse_args()
    figures, quick, seeds = Figures(), options.quick, options.seeds
    parts: dict[str, Callable[[], None]] = {
        "consensus": lambda: exactness.measure(figures, quick=quick),
        "repair": lambda: repair.measure(figures, quick=quick, seeds=seeds),
        "learning": lambda: learning.measure(figures, quick=quick, seeds=seeds),
    }
    for name, measure in parts.items():
        if options.part in (None, name):
            measure()
    figures.finish()


if __name__ == "__main__":
    main()
