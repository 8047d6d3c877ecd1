"""What happens when gossip does not do: seed nodes, islands that heal, releases taken back.

Run it as scripts/bench/fallback [--quick] [--only PART].
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from figures import Figures
from led import aggregator, bridge, clients, digits, starved
from rollouts import releases

PARTS = {
    "digits": digits.measure,
    "clients": clients.measure,
    "aggregator": aggregator.measure,
    "bridge": bridge.measure,
    "namespaces": starved.measure,
    "releases": releases.measure,
}


def main() -> None:
    """Every part, or one of them."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="smaller, under a minute")
    parser.add_argument("--only", choices=PARTS, help="this part alone")
    arguments = parser.parse_args()
    figures = Figures()
    for name in [arguments.only] if arguments.only else PARTS:
        PARTS[name](figures, arguments.quick)
    figures.finish()


if __name__ == "__main__":
    main()
