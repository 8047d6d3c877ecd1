"""What starting costs: CPU time until a first result, with and without compiled kernels."""

import os
import subprocess
import sys
import tempfile

from figures import Figures, progress
from places import ROOT

COLD_S_MAX, WARM_S_MAX, MEMORY_MB_MAX = 6.0, 0.6, 160
COLD_STARTS = 3

START = """
import resource, time
import numpy as np
from gossipfl.data.dataset import Dataset
from gossipfl.models.layers import Dense
from gossipfl.models.sequential import Sequential, perceptron
from gossipfl.learning.training import Trainer, TrainingSettings
imported = time.process_time()
features = np.random.default_rng(0).normal(size=(200, 64)).astype(np.float32)
rows = Dataset(features=features, targets=np.arange(200) % 10,
    columns=tuple(f"x{i}" for i in range(64)), source="benchmark")
spec = Sequential(*perceptron((32,)), Dense(10), shape=(64,), loss="cross-entropy")
trainer = Trainer(spec, rows, rows, TrainingSettings(momentum=0.9), seed=0)
fit = trainer.fit(spec.initial(0), np.zeros(spec.parameters, np.float32))
trainer.evaluate(fit.parameters)
resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(imported, time.process_time() - imported, resident)
"""


def add_starts(figures: Figures, environment: dict[str, str]) -> None:
    """CPU seconds from the first trainer to the first result, without and with compiled code.

    The least counts, since other work on the machine can only add to it.
    """
    cold = []
    for number in range(COLD_STARTS):
        progress(f"a first start, which compiles: {number + 1} of {COLD_STARTS}")
        with tempfile.TemporaryDirectory() as cache:
            cold.append(start(cache, environment))
            warm = [start(cache, environment) for _ in range(5)]
    imported = min(found[0] for found in warm)
    print(f"importing takes {imported:.2f} s before that; {warm[0][2]:.0f} MB resident when warm")
    figures.add("cold_compile", min(found[1] for found in cold), "s", "<=", COLD_S_MAX)
    figures.add("warm_start", min(found[1] for found in warm), "s", "<=", WARM_S_MAX)
    figures.add("training_memory", warm[0][2], "MB", "<=", MEMORY_MB_MAX)


def start(cache: str, environment: dict[str, str]) -> tuple[float, float, float]:
    """(CPU seconds of importing, CPU seconds from there to the first result, MB resident)."""
    run = subprocess.run(
        [sys.executable, "-c", START],
        env={**os.environ, **environment, "NUMBA_CACHE_DIR": cache, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    imported, seconds, resident = map(float, run.stdout.split())
    return imported, seconds, resident
