"""How fast training steps are beside PyTorch and NumPy, and what compiling them costs.

All trainers take turns within one run, each in a process of its own with one thread; what counts is
the least CPU time of a step, since other work on the machine can only add to it.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import attrs
from digits import CACHE, ROOT
from figures import Figures, progress

REQUIREMENTS = ("torch==2.13.0", "numpy==2.4.6")
ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
BATCH = 32
CHUNK_S = 0.02  # CPU time of one turn, so that the clock's grain does not matter
COLD_S_MAX, WARM_S_MAX = 6.0, 0.6

START = """
import resource, time
import numpy as np
from gossipfl.learning.dataset import Dataset
from gossipfl.learning.layers import Dense
from gossipfl.learning.sequential import Sequential, perceptron
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


@attrs.frozen
class Model:
    """A model, and by how much its step has to beat each rival's."""

    name: str
    kind: str
    times: int
    inputs: int
    hidden: int
    outputs: int
    targets: dict[str, float] = attrs.field(eq=False)

    @property
    def grain(self) -> int:
        """Turns have a multiple of so many steps: an epoch, or less where steps are slow."""
        return 64 if self.kind == "mlp" else 4

    @property
    def operations(self) -> int:
        """Floating-point operations of the matrix products of one step."""
        last = 3 * self.hidden * self.outputs
        if self.kind == "mlp":
            return 2 * BATCH * (2 * self.inputs * (self.hidden or self.outputs) + last)
        gates = 3 if self.kind == "gru" else 1
        step = gates * self.hidden * (2 * self.inputs + 3 * self.hidden)
        return 2 * BATCH * (self.times * step + last)


MODELS = (
    Model("logistic_57_2", "mlp", 1, 57, 0, 2, {"torch": 50, "numpy": 8}),
    Model("logistic_561_6", "mlp", 1, 561, 0, 6, {"torch": 12, "numpy": 3}),
    Model("mlp_64_32_10", "mlp", 1, 64, 32, 10, {"torch": 15, "numpy": 2.5}),
    Model("mlp_784_60_10", "mlp", 1, 784, 60, 10, {"torch": 5, "numpy": 1.5}),
    Model("gru_50", "gru", 50, 9, 32, 6, {"torch": 12}),
    Model("gru_128", "gru", 128, 9, 32, 6, {"torch": 12}),
    Model("fastgrnn_128", "fastgrnn", 128, 9, 32, 6, {"torch": 40}),
)


class Worker:
    """A trainer in a process of its own."""

    def __init__(self, python: Path | str, name: str) -> None:
        command = [str(python), str(Path(__file__).with_name("rivals.py")), name]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **ONE_THREAD, "PYTHONPATH": str(ROOT)},
        )

    def ask(self, line: str) -> float:
        """The number that it answers."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(line, file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())

    def steps(self, model: Model, count: int) -> float:
        """CPU seconds per step of `count` steps."""
        sizes = (model.times, model.inputs, model.hidden, model.outputs, count)
        return self.ask(" ".join(map(str, (model.kind, *sizes))))

    def close(self) -> None:
        """End it."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def main() -> None:
    """Measure, print the table, and end with the figures."""
    turns = 8 if "--quick" in sys.argv else 40
    figures = Figures()
    rival = torch_python()
    workers = {"gossipfl": Worker(sys.executable, "gossipfl")}
    workers |= {name: Worker(rival, name) for name in ("torch", "numpy")}
    found = {model: take_turns(model, workers, turns) for model in MODELS}
    best = max(workers["numpy"].ask("peak") for _ in range(turns))
    for worker in workers.values():
        worker.close()
    print_table(found, best)
    for model, seconds in found.items():
        for name, target in model.targets.items():
            ratio = seconds[name] / seconds["gossipfl"]
            figures.add(f"{model.name}_vs_{name}", ratio, "x", ">=", target)
    add_starts(figures)
    figures.finish()


def take_turns(model: Model, workers: dict[str, Worker], turns: int) -> dict[str, float]:
    """Each worker's least CPU seconds per step."""
    rivals = {name: workers[name] for name in ("gossipfl", *model.targets)}
    progress(f"{model.name}: {turns} turns of {', '.join(rivals)}")
    grain = model.grain
    first = {name: worker.steps(model, grain) for name, worker in rivals.items()}
    counts = {name: max(1, round(CHUNK_S / s / grain)) * grain for name, s in first.items()}
    best = dict.fromkeys(rivals, float("inf"))
    for _ in range(turns):
        for name, worker in rivals.items():
            best[name] = min(best[name], worker.steps(model, counts[name]))
    return best


def print_table(found: dict[Model, dict[str, float]], best: float) -> None:
    """Microseconds per step, ratios, and how much of the machine they use."""
    print(f"B={BATCH}, SGD with momentum, one thread; products reach {best:.0f} GFLOP/s here")
    names = ("torch", "numpy")
    heads = "".join(f"{f'{name} us':>10}{'ratio':>8}" for name in names)
    print(f"{'model':16}{'us':>9}{heads}{'GFLOP/s':>9}{'of peak':>9}")
    for model, seconds in found.items():
        ours = seconds["gossipfl"]
        beside = "".join(_beside(seconds.get(name), ours) for name in names)
        rate = model.operations / ours / 1e9
        print(f"{model.name:16}{ours * 1e6:9.2f}{beside}{rate:9.1f}{rate / best:9.0%}")


def _beside(seconds: float | None, ours: float) -> str:
    return (
        f"{'-':>10}{'-':>8}" if seconds is None else f"{seconds * 1e6:10.1f}{seconds / ours:7.1f}x"
    )


def add_starts(figures: Figures) -> None:
    """CPU seconds from the first trainer to the first result, without and with compiled code."""
    with tempfile.TemporaryDirectory() as cache:
        progress("a first start, which compiles, and later ones")
        cold = [start(cache)]
        warm = [start(cache) for _ in range(5)]
    imported = min(found[0] for found in warm)
    print(f"importing takes {imported:.2f} s before that; {warm[0][2]:.0f} MB resident when warm")
    figures.add("cold_compile", cold[0][1], "s", "<=", COLD_S_MAX)
    figures.add("warm_start", min(found[1] for found in warm), "s", "<=", WARM_S_MAX)
    figures.add("training_memory", warm[0][2], "MB", "<=", 160)


def start(cache: str) -> tuple[float, float, float]:
    """(CPU seconds of importing, CPU seconds from there to the first result, MB resident)."""
    run = subprocess.run(
        [sys.executable, "-c", START],
        env={**os.environ, **ONE_THREAD, "NUMBA_CACHE_DIR": cache, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    imported, seconds, resident = map(float, run.stdout.split())
    return imported, seconds, resident


def torch_python() -> Path:
    """The Python of a virtual environment that has the rivals, made once."""
    place = CACHE / "torch"
    python = place / "bin" / "python"
    ready = place / "ready"
    if not ready.exists():
        progress("installing PyTorch")
        CACHE.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True, stdout=sys.stderr)
        install = [str(python), "-m", "pip", "install", "--quiet", "--no-cache-dir"]
        subprocess.run([*install, *REQUIREMENTS], check=True, stdout=sys.stderr)
        ready.touch()
    return python


if __name__ == "__main__":
    main()
