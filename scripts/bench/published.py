"""Experiments as they were published, run in our simulator: our figure beside the paper's.

Each says what it substitutes; see the files in anchors/.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from anchors import choco, hegedus, jwins, ormandi
from figures import Figures

ANCHORS = {"ormandi": ormandi, "hegedus": hegedus, "choco": choco, "jwins": jwins}


def main() -> None:
    """Run those asked for, or all, and end with the figures."""
    parser = argparse.ArgumentParser(
        prog="scripts/bench/published",
        description="Published experiments in our simulator, beside the figures of the papers.",
        epilog="Exits with status 1 when a figure is short of its target.",
    )
    parser.add_argument("--quick", action="store_true", help="one seed, the short runs")
    parser.add_argument("--only", choices=sorted(ANCHORS), action="append")
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    seeds = range(1 if options.quick else options.seeds)
    figures = Figures()
    for name in options.only or ANCHORS:
        print((ANCHORS[name].__doc__ or "").strip(), flush=True)
        ANCHORS[name].measure(seeds, options.quick, figures)
        print(flush=True)
    figures.finish()


if __name__ == "__main__":
    main()
