"""Digits of 8 x 8 pixels, 0 to 1, as scikit-learn ships them (UCI 80, CC BY 4.0).

A fifth is for testing.
"""

import tempfile
from pathlib import Path

import numpy as np
from environments import environment, run

from datasets.packages import Pair, Table, keep

REQUIREMENT = "scikit-learn==1.9.1"
EXPORT = """
import sys, numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
digits = load_digits()
features = (digits.data / 16).astype("f4")
parts = train_test_split(features, digits.target, test_size=0.2, random_state=0)
np.savez(sys.argv[1], *parts)
"""


def digits_files() -> Pair:
    """(training, test) files of 64 columns."""
    return keep("digits", _make)


def _make() -> tuple[Table, Table]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "digits.npz"
        run(str(environment("sklearn", REQUIREMENT)), "-c", EXPORT, str(path))
        with np.load(path) as found:
            train, test, classes, test_classes = (found[f"arr_{i}"] for i in range(4))
    return (train, classes), (test, test_classes)
