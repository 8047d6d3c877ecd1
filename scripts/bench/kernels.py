"""How fast training steps are beside PyTorch, JAX and NumPy, and what compiling them costs.

All trainers take turns within one run, each in a process of its own with one thread; what counts is
the least CPU time of a step, since other work on the machine can only add to it.  All models are
gone through several times, since a machine may be slow for a while.  `models.py` lists the models,
`rivals/` holds the trainers.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from agreement import add_agreement
from environments import ONE_THREAD, environment
from figures import Figures, progress
from models import BATCH, MODELS, Model
from places import ROOT
from starts import add_starts

REQUIREMENTS = ("torch==2.13.0", "jax==0.10.2", "numpy==2.4.6")
RIVALS = ("torch", "jax", "numpy")
XLA_FLAGS = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
ENVIRONMENT = ONE_THREAD | {"XLA_FLAGS": XLA_FLAGS}
ROUNDED = "mlp_784_60_10"  # the model that is also trained for int8
ROUNDING_MAX = 1.5  # what its step may take, to the plain one's
CHUNK_S = 0.02  # CPU time of one turn, so that the clock's grain does not matter

PASSES = 5

Times = dict[str, float]  # least CPU seconds of a step, by trainer


class Worker:
    """A trainer in a process of its own."""

    def __init__(self, python: Path | str, name: str) -> None:
        here = Path(__file__).parent
        self.process = subprocess.Popen(
            [str(python), "-m", "rivals", name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=here,
            env={**os.environ, **ENVIRONMENT, "PYTHONPATH": str(ROOT)},
        )

    def ask(self, line: str) -> float:
        """The number that it answers."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(line, file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())

    def steps(self, model: Model, count: int) -> float:
        """CPU seconds per step of `count` steps."""
        return self.ask(f"{model.name} {count}")

    def close(self) -> None:
        """End it."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def main() -> None:
    """Measure, print the table, and end with the figures."""
    arguments = parse()
    turns = 4 if arguments.quick else 20
    models = [MODELS[name] for name in arguments.model or MODELS]
    figures = Figures()
    rival = environment("rivals", *REQUIREMENTS)
    workers = {"gossipfl": Worker(sys.executable, "gossipfl")}
    workers |= {name: Worker(rival, name) for name in RIVALS}
    contests = [contest_of(model, workers) for model in models]
    for number in range(PASSES):
        for contest in contests:
            progress(f"pass {number + 1} of {PASSES}: {contest.model.name}")
            contest.go_on(turns)
    found = {contest.model.name: contest.best for contest in contests}
    peak = max(workers[name].ask("peak") for name in ("gossipfl", "numpy") for _ in range(turns))
    for worker in workers.values():
        worker.close()
    print_table(models, found, peak)
    for model in models:
        add_ratios(figures, model, found[model.name])
    if not arguments.model:
        add_rounding(figures, turns)
        add_agreement(figures, rival, ENVIRONMENT)
        add_starts(figures, ENVIRONMENT)
    figures.finish()


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="scripts/bench/kernels",
        description="Training steps beside PyTorch, JAX and NumPy; errors beside autograd; starts.",
        epilog="Exits with status 1 when a figure is short of its target.",
    )
    parser.add_argument("--quick", action="store_true", help="fewer turns: under a minute")
    parser.add_argument("model", nargs="*", help=f"of {', '.join(MODELS)}; all, if none is given")
    arguments = parser.parse_args()
    for name in arguments.model:
        if name not in MODELS:
            parser.error(f"there is no model {name!r}: choose of {', '.join(MODELS)}")
    return arguments


class Contest:
    """Trainers of one model who take turns.

    best: least CPU seconds per step of each, so far.
    """

    def __init__(self, model: Model, workers: dict[str, Worker]) -> None:
        self.model, self._workers = model, workers
        grain = model.grain
        first = {name: worker.steps(model, grain) for name, worker in workers.items()}
        self._counts = {n: max(1, round(CHUNK_S / s / grain)) * grain for n, s in first.items()}
        self.best: Times = dict.fromkeys(workers, float("inf"))

    def go_on(self, turns: int) -> None:
        """So many more turns of each."""
        for _ in range(turns):
            for name, worker in self._workers.items():
                taken = worker.steps(self.model, self._counts[name])
                self.best[name] = min(self.best[name], taken)


def contest_of(model: Model, workers: dict[str, Worker]) -> Contest:
    """Of all who train this model."""
    progress(f"{model.name}: {', '.join(('gossipfl', 'torch', *model.others))}")
    return Contest(model, {name: workers[name] for name in ("gossipfl", "torch", *model.others)})


def ratios(model: Model, seconds: Times) -> tuple[float, float]:
    """(to PyTorch, to the best of the others)."""
    ours = seconds["gossipfl"]
    return seconds["torch"] / ours, min(seconds[name] for name in model.others) / ours


def add_ratios(figures: Figures, model: Model, seconds: Times) -> None:
    """One figure for every target."""
    torch, other = ratios(model, seconds)
    figures.add(f"{model.name}_vs_torch", torch, "x", ">=", model.versus_torch)
    if model.versus_other is not None:
        figures.add(f"{model.name}_vs_best_other", other, "x", ">=", model.versus_other)


def add_rounding(figures: Figures, turns: int) -> None:
    """What a step of training for int8 takes, to the plain one."""
    workers = {name: Worker(sys.executable, name) for name in ("gossipfl", "rounded")}
    progress(f"{ROUNDED}: {', '.join(workers)}")
    contest = Contest(MODELS[ROUNDED], workers)
    contest.go_on(PASSES * turns)
    for worker in workers.values():
        worker.close()
    ratio = contest.best["rounded"] / contest.best["gossipfl"]
    figures.add("qat_step", ratio, "x", "<=", ROUNDING_MAX)


def print_table(models: list[Model], found: dict[str, Times], peak: float) -> None:
    """Microseconds per step, ratios, and how much of the machine they use."""
    print(f"B={BATCH}, SGD with momentum, one thread; products reach {peak:.0f} GFLOP/s here")
    heads = "".join(f"{f'{name} us':>11}" for name in ("gossipfl", *RIVALS))
    print(f"{'model':16}{heads}{'vs torch':>10}{'vs other':>10}{'GFLOP/s':>9}{'of peak':>9}")
    for model in models:
        seconds = found[model.name]
        times = "".join(_microseconds(seconds.get(name)) for name in ("gossipfl", *RIVALS))
        beside = "".join(f"{ratio:9.1f}x" for ratio in ratios(model, seconds))
        rate = model.operations / seconds["gossipfl"] / 1e9
        print(f"{model.name:16}{times}{beside}{rate:9.1f}{rate / peak:9.0%}")


def _microseconds(seconds: float | None) -> str:
    return f"{'-':>11}" if seconds is None else f"{seconds * 1e6:11.2f}"


if __name__ == "__main__":
    main()
