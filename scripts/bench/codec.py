"""What compressing 50,000 floats takes and how close to the entropy it comes.

Run it as scripts/bench/codec [--quick].

A turn is one whole offer, Python included: the difference of model and anchor, the exact top k, and
SparseCodec's payload.  NumPy's turn is the difference, argpartition, and msgpack of int32 positions
and float32 values.  Both take turns in one process with one thread; what counts is the least CPU
time, since other work on the machine can only add to it.  Copying the vector once is shown beside
them: it tells how fast this machine's memory is at the moment.  All cases are gone through several
times, since other work may slow a machine down for a while.  NumPy's results come from memory
that the process has had before, as they do in any that has run for a while: fresh pages would cost
it several times what it computes.

The entropy of a payload is log2 C(d, k) bits for its positions, one bit a sign, the entropy of the
levels given how many are raised where entries have two bits, and 8 bits a scale.
"""

import argparse
import math
import time
from collections.abc import Callable

import msgpack
import numpy as np
from attrs import frozen
from figures import Figures, progress
from places import ROOT

from gossipfl.compression import SparseCodec
from gossipfl.data.dataset import Dataset
from gossipfl.kernels.engine import scatter
from gossipfl.learning.training import Trainer, TrainingSettings
from gossipfl.models.layers import Dense
from gossipfl.models.sequential import Sequential, perceptron

SIZE = 50_000
TARGETS_US = {0.01: 25.0, 0.1: 70.0}
FASTER_MIN, OVER_ENTROPY_MAX = 4.0, 1.03
CALLS = 20  # in one turn, so that the clock's grain does not matter
PASSES = 6


@frozen
class Case:
    """A model, the anchor that it is compared with, and where its tensors lie."""

    name: str
    model: np.ndarray
    anchor: np.ndarray
    tensors: tuple[tuple[int, int], ...]


@frozen
class Found:
    """Least microseconds of each, and bytes."""

    offer: float
    rival: float
    decode: float
    copy: float
    payload: int
    entropy: float


def synthetic(name: str) -> Case:
    """Independent entries of a standard distribution, as one layer with its biases."""
    rng = np.random.default_rng(0)
    anchor = rng.normal(0, 0.05, SIZE).astype(np.float32)
    delta = getattr(rng, name)(size=SIZE).astype(np.float32) * np.float32(1e-3)
    return Case(name, anchor + delta, anchor, ((0, SIZE - 100), (SIZE - 100, SIZE)))


def trained() -> Case:
    """An MLP 600-82-7 after 25 steps on one wearer of the watch data."""
    with np.load(ROOT / "gossipfl" / "datasets" / "watch" / "wearer-1.npz") as file:
        features = file["X"].reshape(len(file["X"]), -1).astype(np.float32)
        targets = file["y"].astype(np.int64)
    features = (features - features.mean(0)) / (features.std(0) + 1e-6)
    names = tuple(f"x{i}" for i in range(features.shape[1]))
    rows = Dataset(features=features, targets=targets, columns=names, source="watch")
    spec = Sequential(
        *perceptron((82,)), Dense(7), shape=(features.shape[1],), loss="cross-entropy"
    )
    start = spec.initial(0)
    settings = TrainingSettings(learning_rate=0.05, batch_size=16, local_steps=25)
    fit = Trainer(spec, rows, None, settings, seed=0).fit(start, np.zeros_like(start))
    return Case(
        "trained", fit.parameters, start, tuple((start, stop) for _, start, stop in spec.tensors)
    )


def entropy_bytes(codec: SparseCodec, payload: bytes) -> float:
    """Of what a payload says."""
    delta = codec.decode(payload)
    count = delta.indices.size
    scales = levels = 0.0
    for start, stop in codec.tensors:
        inside = (delta.indices >= start) & (delta.indices < stop)
        magnitudes, each = np.unique(np.abs(delta.values[inside]), return_counts=True)
        scales += 8 * magnitudes.size
        levels += log2_choices(int(each.sum()), int(each[0])) if each.size == 2 else 0.0
    return (log2_choices(delta.size, count) + count + levels + scales) / 8


def log2_choices(size: int, count: int) -> float:
    """log2 of the number of subsets."""
    lost = math.lgamma(count + 1) + math.lgamma(size - count + 1)
    return (math.lgamma(size + 1) - lost) / math.log(2)


def with_numpy(case: Case, kept: int) -> bytes:
    """What one would write without a codec."""
    delta = case.model - case.anchor
    magnitudes = np.abs(delta)
    places = np.sort(np.argpartition(magnitudes, delta.size - kept)[delta.size - kept :])
    content = places.astype(np.int32).tobytes(), delta[places].tobytes()
    packed: bytes = msgpack.packb(content)
    return packed


class Contest:
    """One codec on one case, beside NumPy; the least of each so far."""

    def __init__(self, case: Case, ratio: float) -> None:
        self.case, self.ratio = case, ratio
        self._codec = codec = SparseCodec(case.model.size, case.tensors, ratio)
        self._payload = payload = codec.encode_difference(case.model, case.anchor)[0]
        kept, target = round(ratio * case.model.size), case.anchor.copy()

        def receive() -> None:
            delta = codec.decode(payload)
            scatter.scatter_add(target, delta.indices, delta.values, 0.5)

        self._calls: tuple[Callable[[], object], ...] = (
            lambda: codec.encode_difference(case.model, case.anchor)[0],
            lambda: with_numpy(case, kept),
            receive,
            lambda: np.copyto(target, case.anchor),
        )
        self._best = [math.inf] * len(self._calls)

    def go_on(self, turns: int) -> None:
        """So many more turns of each."""
        for _ in range(turns):
            taken = map(turn, self._calls)
            self._best = list(map(min, self._best, taken))

    def found(self) -> Found:
        """What all turns have shown."""
        entropy = entropy_bytes(self._codec, self._payload)
        return Found(*self._best, payload=len(self._payload), entropy=entropy)


def turn(call: Callable[[], object]) -> float:
    """Microseconds of CPU time a call."""
    start = time.process_time_ns()
    for _ in range(CALLS):
        call()
    return (time.process_time_ns() - start) / CALLS / 1000


def keep_memory() -> None:
    """Have the C library keep what is let go, as it does after one large block has been."""
    np.zeros(1 << 22, np.uint8)


def main() -> None:
    """Measure, print the table, and end with the figures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer turns")
    turns = 50 if parser.parse_args().quick else 250
    figures = Figures()
    keep_memory()
    cases = synthetic("laplace"), synthetic("normal"), trained()
    contests = [Contest(case, ratio) for case in cases for ratio in TARGETS_US]
    for number in range(PASSES):
        progress(f"pass {number + 1} of {PASSES}")
        for contest in contests:
            contest.go_on(turns)
    print(
        f"{'delta':10}{'kept':>6}{'offer us':>10}{'NumPy us':>10}{'decode us':>11}{'copy us':>9}"
        f"{'bytes':>8}{'entropy':>9}"
    )
    for contest in contests:
        report(contest, figures)
    figures.finish()


def report(contest: Contest, figures: Figures) -> None:
    """A line of the table, and three figures."""
    case, ratio, found = contest.case, contest.ratio, contest.found()
    print(
        f"{case.name:10}{ratio:6.0%}{found.offer:10.1f}{found.rival:10.1f}"
        f"{found.decode:11.1f}{found.copy:9.1f}{found.payload:8}{found.entropy:9.1f}"
    )
    name = f"{case.name}_{ratio:.0%}".replace("%", "pc")
    figures.add(f"{name}_offer", found.offer, "us", "<=", TARGETS_US[ratio])
    figures.add(f"{name}_vs_numpy", found.rival / found.offer, "x", ">=", FASTER_MIN)
    over = found.payload / found.entropy
    figures.add(f"{name}_over_entropy", over, "x", "<=", OVER_ENTROPY_MAX)


if __name__ == "__main__":
    main()
