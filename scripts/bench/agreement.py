"""How far gradients and training runs are from PyTorch's, over all layers, losses, optimizers."""

import os
import subprocess
import sysconfig
from pathlib import Path

from figures import Figures, progress
from places import ROOT

GRADIENT_ERROR_MAX, STEPS_ERROR_MAX = 1e-4, 1e-5
COMPARE = "from tests.kernels.autograd import worst; print(*worst())"


def add_agreement(figures: Figures, rival: Path, environment: dict[str, str]) -> None:
    """Runs both in one process: PyTorch from the rivals' packages, gossipfl's from our own."""
    progress("gradients and training runs beside autograd")
    paths = os.pathsep.join((str(ROOT), sysconfig.get_path("purelib")))
    run = subprocess.run(
        [str(rival), "-c", COMPARE],
        env={**os.environ, **environment, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=True,
    )
    gradient, steps = map(float, run.stdout.split())
    figures.add("gradient_error", gradient, "relative", "<=", GRADIENT_ERROR_MAX)
    figures.add("twenty_steps_error", steps, "relative", "<=", STEPS_ERROR_MAX)
