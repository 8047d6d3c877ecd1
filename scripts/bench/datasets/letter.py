"""Printed letters by 16 measures (UCI 59, CC BY 4.0), from Debian's r-cran-mlbench.

The last 4,000 are for testing.
"""

from datasets.packages import Pair, Table, from_debian, keep

PACKAGE = "r-cran-mlbench"
MEMBER = "usr/lib/R/site-library/mlbench/data/LetterRecognition.rda"
TRAIN_ROWS = 16_000


def letter_files() -> Pair:
    """(training, test) files of 16 columns."""
    return keep("letter", _make)


def _make() -> tuple[Table, Table]:
    features, classes = from_debian(PACKAGE, MEMBER)
    return (features[:TRAIN_ROWS], classes[:TRAIN_ROWS]), (
        features[TRAIN_ROWS:],
        classes[TRAIN_ROWS:],
    )
