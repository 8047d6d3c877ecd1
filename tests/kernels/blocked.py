"""What a process without Numba does: learn, and hold one end of a link."""

import hashlib
import sys

import numpy as np

from gossipfl.data.dataset import Dataset
from gossipfl.learning.training import Trainer, TrainingSettings, warm
from gossipfl.models.layers import GRU, Dense, ReLU
from gossipfl.models.sequential import Sequential
from tests.gossip.pair import End, make_pair

# Runs first: imports of Numba fail as where there is no wheel of it.
BLOCK = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("numba", "llvmlite"):
            raise ImportError(f"no {name} for this processor")

sys.meta_path.insert(0, Blocker())
"""


def learn() -> dict[str, tuple[float, float | None]]:
    """(loss, accuracy) of a perceptron and of a recurrent model on an easy task."""
    warm()
    features = np.random.default_rng(0).normal(size=(200, 12)).astype(np.float32)
    targets = (features[:, :6].sum(1) > 0).astype(np.int64)
    columns = tuple("abcdefghijkl")
    rows = Dataset(features=features, targets=targets, columns=columns, source="made")
    models = {
        "perceptron": Sequential(Dense(8), ReLU(), Dense(2), shape=(12,), loss="cross-entropy"),
        "recurrent": Sequential(GRU(8), Dense(2), shape=(6, 2), loss="cross-entropy"),
    }
    return {name: _fit(model, rows) for name, model in models.items()}


def _fit(model: Sequential, rows: Dataset) -> tuple[float, float | None]:
    settings = TrainingSettings(optimizer="adam", learning_rate=0.02, local_steps=150)
    trainer = Trainer(model, rows, rows, settings, seed=1)
    fit = trainer.fit(model.initial(0), np.zeros(model.parameters, np.float32))
    return fit.loss, trainer.evaluate(fit.parameters).accuracy


def agreed(end: End) -> str:
    """A digest over everything that both ends of a link must agree on."""
    state = end.exchange.state
    return hashlib.sha256(state.digest + state.anchor.tobytes()).hexdigest()


def serve_link(scheme: str) -> None:
    """For each request on standard input, in hex: the reply, and what is agreed after it."""
    end, rng = make_pair(scheme)[1], np.random.default_rng(4)
    for line in sys.stdin:
        end.train(rng)
        reply = end.take(bytes.fromhex(line))
        assert reply is not None
        print(reply.hex(), agreed(end), flush=True)
