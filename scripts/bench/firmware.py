"""What a microcontroller takes to learn the digits, measured on emulated parts.

Run it as scripts/bench/firmware [--quick] [--seeds N].

The model is a perceptron 64-32-10 with 2,410 parameters.  On each part, a firmware with 16 rows
first takes 20 steps on all of them: its weights are compared with those of the kernels that every
other node trains with, its delta with the codec's, byte for byte.  Then one with 200 rows exchanges
with a gateway that has no other neighbour; that gives the mean message on the UART, framing and tag
included, and how deep the painted stack has been.  Rows and the stored state count neither as flash
nor as memory.  Then firmware_mesh.py lets three parts take part in a mesh; --quick leaves that out.
"""

import argparse
import os
import tempfile
from pathlib import Path

import numpy as np
from datasets.digits import digits_files
from figures import Figures, progress
from firmware_mesh import SEEDS, measure_mesh

from gossipfl.compression import SparseCodec
from gossipfl.data.dataset import Dataset
from gossipfl.devices.keyring import keyring_of
from gossipfl.devices.keys import CODE_BYTES, print_code
from gossipfl.devices.messages import Offer
from gossipfl.devices.plan import DevicePlan
from gossipfl.devices.session import DeviceSession
from gossipfl.gossip.link import LinkState
from gossipfl.gossip.replica import Replica
from gossipfl.learning.training import Trainer, TrainingSettings, predict
from gossipfl.models.layers import Dense
from gossipfl.models.sequential import Sequential, perceptron
from gossipfl.node.harness.boards import (
    KINDS,
    Kind,
    build,
    flash_bytes,
    running,
    sections,
    static_bytes,
    write_rows,
)
from gossipfl.node.harness.served import Served

SPEC = Sequential(*perceptron((32,)), Dense(10), shape=(64,), loss="cross-entropy")
START = SPEC.initial(0)
# Of the part that the figures are for.
SUBJECT = "mps2-an386"
MEMORY_MAX, FLASH_MAX, MESSAGE_MAX, OFF_MAX = 40_000, 48_000, 400, 1e-5
COMPARED_ROWS, COMPARED_STEPS, ROWS = 16, 20, 200


def plan_of(steps: int, rate: float) -> DevicePlan:
    """With so many steps an exchange, and no pause."""
    settings = TrainingSettings(learning_rate=rate, batch_size=16, local_steps=steps)
    return DevicePlan(spec=SPEC, settings=settings, interval_s=0)


def read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Features and classes of one file."""
    with np.load(path) as found:
        return found["X"].astype(np.float32), found["y"].astype(np.int64)


def load() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """(training, test) features and classes; the training rows cover all classes from the start."""
    (train, classes), (test, test_classes) = map(read, digits_files())
    order = np.argsort(_rank(classes), kind="stable")
    return (train[order], classes[order]), (test, test_classes)


def serve(kind: Kind, rows: tuple[np.ndarray, np.ndarray], plan: DevicePlan, offers: int):
    """Let a board make so many exchanges; what it said, its stack, and its sections."""
    code = os.urandom(CODE_BYTES)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_rows(folder / "rows.h", *rows)
        program = build(kind, folder / "rows.h", folder)
        replica = Replica(START, samples=len(rows[1]), step_size=0.0, activity=0.04)
        session = DeviceSession(keyring_of(code), plan, replica, LinkState(np.zeros_like(START)))
        with running(kind, program, folder) as board:
            served = Served(board, session, START.size)
            served.enrol(print_code(code))
            served.run_until(lambda: served.count(Offer) >= offers)
            return served, board.stack_bytes(), sections(kind, program)


def compare(kind: Kind, rows: tuple[np.ndarray, np.ndarray]) -> tuple[float, bool]:
    """How far weights are off after 20 steps, relative, and whether the delta is the codec's."""
    plan = plan_of(COMPARED_STEPS, 0.1)
    features, classes = (part[:COMPARED_ROWS] for part in rows)
    served, _, _ = serve(kind, (features, classes), plan, 1)
    names = tuple(f"x{i}" for i in range(64))
    data = Dataset(features=features, targets=classes, columns=names, source="digits")
    trained = Trainer(SPEC, data, None, plan.settings, seed=0).fit(START, np.zeros_like(START))
    found, expected = served.models[0], trained.parameters
    first = next(message for message in served.messages if isinstance(message, Offer))
    codec = SparseCodec(START.size, tuple((start, stop) for _, start, stop in SPEC.tensors), 0.02)
    off = float(np.linalg.norm(found - expected) / np.linalg.norm(expected))
    return off, first.payload == codec.encode(found - START)


def _rank(classes: np.ndarray) -> np.ndarray:
    """How many of the same class come before each."""
    ranks = np.zeros(len(classes), np.int64)
    for value in np.unique(classes):
        places = np.flatnonzero(classes == value)
        ranks[places] = np.arange(len(places))
    return ranks


def measure(kind: Kind, offers: int, figures: Figures) -> None:
    """All figures of one part; only those of the subject have targets."""
    train, test = load()
    progress(f"{kind.name}: {COMPARED_STEPS} steps beside the kernels")
    off, equal = compare(kind, train)
    progress(f"{kind.name}: {offers} exchanges")
    rows = train[0][:ROWS], train[1][:ROWS]
    served, stack, found = serve(kind, rows, plan_of(5, 0.3), offers)
    replica = served.session.replica.parameters
    accuracy = (predict(SPEC, replica, test[0]).argmax(1) == test[1]).mean()
    sent = np.array(served.sent)
    memory = static_bytes(found) + stack
    print(
        f"{kind.name:12} flash {flash_bytes(found):7,}  static {static_bytes(found):7,}  stack "
        f"{stack:6,}  message mean {sent.mean():5.1f} longest {sent.max():4}  sent {sent.sum():7,} "
        f"in {offers} exchanges  accuracy {accuracy:.1%}",
        flush=True,
    )
    name = kind.name.replace("-", "_")
    figures.add(f"{name}_weights_off", off, "relative", "<=", OFF_MAX)
    figures.add(f"{name}_deltas_equal", float(equal), "yes", ">=", 1)
    figures.add(f"{name}_mean_message", float(sent.mean()), "bytes", "<=", MESSAGE_MAX)
    if kind.name == SUBJECT:
        figures.add(f"{name}_memory", memory, "bytes", "<=", MEMORY_MAX)
        figures.add(f"{name}_flash", flash_bytes(found), "bytes", "<=", FLASH_MAX)


def main() -> None:
    """Measure every part, and end with the figures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few exchanges")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="meshes, ten minutes each")
    options = parser.parse_args()
    # More than lie between two checkpoints, so that the stack has been as deep as it gets.
    offers = 40 if options.quick else 200
    figures = Figures()
    for kind in KINDS.values():
        measure(kind, offers, figures)
    if not options.quick:
        measure_mesh(figures, options.seeds)
    figures.finish()


if __name__ == "__main__":
    main()
