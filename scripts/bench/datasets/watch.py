"""Seven exercises on a smartwatch, windows [100, 6]: two of ten wearers are for testing."""

import numpy as np
from places import ROOT

from datasets.packages import Pair, Table, keep

FOLDER = ROOT / "gossipfl" / "datasets" / "watch"


def watch_files() -> Pair:
    """(training, test) files."""
    return keep("watch", lambda: (_wearers(range(1, 9)), _wearers(range(9, 11))))


def _wearers(numbers: range) -> Table:
    parts = [np.load(FOLDER / f"wearer-{number}.npz") for number in numbers]
    return np.concatenate([p["X"] for p in parts]), np.concatenate([p["y"] for p in parts])
