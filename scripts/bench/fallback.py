"""What happens when gossip does not do: seed nodes, islands that heal, releases taken back.

Run it as scripts/bench/fallback [--quick] [--only PART].
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from figures import Figures, measure_parts
from led import aggregator, bridge, clients, digits, starved
from rollouts import releases, tuned


def _measure_releases(figures: Figures, quick: bool) -> None:
    """Of models, and of settings."""
    releases.measure(figures, quick)
    tuned.measure(figures, quick)


PARTS = {
    "digits": digits.measure,
    "clients": clients.measure,
    "aggregator": aggregator.measure,
    "bridge": bridge.measure,
    "namespaces": starved.measure,
    "releases": _measure_releases,
}


if __name__ == "__main__":
    measure_parts(__doc__.split("\n")[0], PARTS)
