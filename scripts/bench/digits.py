"""The digits task: scikit-learn's 8x8 digits / 16, a fifth for testing, the rest over 8 nodes."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / "build" / "bench"
REQUIREMENT = "scikit-learn==1.9.1"
EXPORT = """
import sys, numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
digits = load_digits()
features = (digits.data / 16).astype("f4")
parts = train_test_split(features, digits.target, test_size=0.2, random_state=0)
np.savez(sys.argv[1], X=parts[0], y=parts[2])
np.savez(sys.argv[2], X=parts[1], y=parts[3])
"""


def digits_files() -> tuple[Path, Path]:
    """(training, test) files, made once with scikit-learn in a virtual environment of its own."""
    train, test = CACHE / "digits-train.npz", CACHE / "digits-test.npz"
    if not (train.exists() and test.exists()):
        CACHE.mkdir(parents=True, exist_ok=True)
        python = CACHE / "sklearn" / "bin" / "python"
        _run(sys.executable, "-m", "venv", str(CACHE / "sklearn"))
        _run(str(python), "-m", "pip", "install", "--quiet", "--no-cache-dir", REQUIREMENT)
        _run(str(python), "-c", EXPORT, str(train), str(test))
    return train, test


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=sys.stderr)
