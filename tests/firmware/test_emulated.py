"""The ports on emulated boards: the very firmware that a real one would run."""

from pathlib import Path

import numpy as np
import pytest

from gossipfl.compression import SparseCodec
from gossipfl.data.dataset import Dataset
from gossipfl.devices.keys import print_code
from gossipfl.devices.messages import Fetch, Offer
from gossipfl.gossip.link import Planted
from gossipfl.learning.training import Trainer
from gossipfl.node.harness.boards import KINDS, build, running, sections, write_rows
from gossipfl.node.harness.served import Served
from tests.firmware.device import CODE, plan_of, session_for

PLAN = plan_of((64, 32, 10), learning_rate=0.1, batch_size=16, local_steps=20)
START = PLAN.spec.initial(0)


def rows() -> Dataset:
    features = np.random.default_rng(3).normal(size=(16, 64)).astype(np.float32)
    names = tuple(f"x{i}" for i in range(64))
    return Dataset(features=features, targets=np.arange(16) % 10, columns=names, source="test")


@pytest.fixture(scope="module", params=sorted(KINDS))
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The firmware of a port, which learns from 16 rows."""
    kind = KINDS[request.param]
    if missing := kind.missing():
        pytest.skip(f"not installed here: {', '.join(missing)}; run scripts/firmware")
    folder = tmp_path_factory.mktemp(kind.name)
    write_rows(folder / "rows.h", rows().features, rows().targets)
    return build(kind, folder / "rows.h", folder)


def test_a_board_learns_as_every_other_node(program: Path, tmp_path: Path) -> None:
    """Enrolment, a transfer with a reset in its middle, 20 steps, deltas: on the emulated part."""
    with running(KINDS[program.stem], program, tmp_path) as board:
        wire = Served(board, session_for(PLAN), START.size)
        wire.enrol(print_code(CODE))
        wire.run_until(lambda: wire.count(Fetch) >= 12)
        board.reset()
        # Offers do not count: a slow wire has them repeated.
        wire.run_until(lambda: wire.session.state.sequence >= 3)
        anchor, stack = board.vector("board_anchor", START.size), board.stack_bytes()
    check_transfer(wire)
    check_training(wire)
    assert wire.count(Offer) >= 3
    assert np.isfinite(anchor).all()
    assert 0 < stack < 4_000
    assert sections(KINDS[program.stem], program)[".text"] < 48_000


def check_transfer(wire: Served) -> None:
    """It went on where the reset broke it off."""
    offsets = [message.offset for message in wire.messages if isinstance(message, Fetch)]
    assert offsets[0] == 0 < offsets[-1]
    assert offsets == sorted(offsets)  # though a slow wire may have one repeated
    assert sum(isinstance(record, Planted) for record in wire.records) == 1


def check_training(wire: Served) -> None:
    """Weights after 20 steps are the kernels', and the coded delta is the codec's to the byte."""
    trainer = Trainer(PLAN.spec, rows(), None, PLAN.settings, seed=1)
    expected, found = trainer.fit(START, np.zeros_like(START)).parameters, wire.models[0]
    assert np.linalg.norm(found - expected) <= 1e-5 * np.linalg.norm(expected)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    tensors = tuple((start, stop) for _, start, stop in PLAN.spec.tensors)
    codec = SparseCodec(START.size, tensors, 96 / START.size, bits=2)
    first = next(message for message in wire.messages if isinstance(message, Offer))
    assert first.payload == codec.encode(found - START)
