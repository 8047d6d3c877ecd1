"""What training in integers (GFL_FIXED_POINT) gives a part without a floating point unit.

Run it as scripts/bench/fixed [--quick].

The part is RV32IMC under QEMU, the model a perceptron 64-32-10, a step one of 16 rows.  Steps are
counted in instructions that the emulated part retires, in floats (by the compiler's library) and
in integers.  Then each learns the digits from 200 rows and exchanges with a gateway that has no
other neighbour, as in scripts/bench/firmware: accuracy is the gateway's.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np
from attrs import evolve
from figures import Figures, progress
from firmware import ROWS, SPEC, START, load, plan_of

from gossipfl.devices.keyring import keyring_of
from gossipfl.devices.keys import CODE_BYTES, print_code
from gossipfl.devices.messages import Offer
from gossipfl.devices.session import DeviceSession
from gossipfl.gossip.link import LinkState
from gossipfl.gossip.replica import Replica
from gossipfl.learning.training import predict
from gossipfl.node.harness.boards import KINDS, build, flash_bytes, running, sections, write_rows
from gossipfl.node.harness.served import Served

SUBJECT = KINDS["riscv-virt"]
# One instruction a nanosecond of the emulated clock: so the counter of instructions is exact.
COUNTING = evolve(SUBJECT, emulator=(*SUBJECT.emulator, "-icount", "shift=0"))
STEPS, STEPS_S_MAX = 4, 60
SPEED_MIN, LOSS_MAX = 3.0, 1.0


def built(folder: Path, fixed: bool, program: Path | None = None) -> Path:
    """The firmware in floats or integers, with the first rows of the digits."""
    (train, classes), _ = load()
    write_rows(folder / "rows.h", train[:ROWS], classes[:ROWS])
    (folder / "config.h").write_text(f"#define GFL_FIXED_POINT {int(fixed)}\n")
    return build(SUBJECT, folder / "rows.h", folder, folder / "config.h", program)


def instructions(fixed: bool) -> float:
    """Of one step, the mean of a few."""
    with tempfile.TemporaryDirectory() as name:
        program = built(Path(name), fixed, Path(__file__).parent / "fixed.c")
        with running(COUNTING, program, Path(name)) as board:
            deadline = time.monotonic() + STEPS_S_MAX
            while time.monotonic() < deadline:
                *counts, done = board.vector("board_model", STEPS + 1).view(np.uint32).tolist()
                if done:
                    return sum(counts) / STEPS
    raise TimeoutError("the emulated part did not come to the end of its steps")


def learn(fixed: bool, offers: int) -> tuple[float, int]:
    """(accuracy after so many exchanges, bytes of flash)."""
    code, (_, (test, test_classes)) = os.urandom(CODE_BYTES), load()
    with tempfile.TemporaryDirectory() as name:
        program = built(Path(name), fixed)
        replica = Replica(START, samples=ROWS, step_size=0.0, activity=0.04)
        state = LinkState(np.zeros_like(START))
        session = DeviceSession(keyring_of(code), plan_of(5, 0.3), replica, state)
        with running(SUBJECT, program, Path(name)) as board:
            served = Served(board, session, START.size)
            served.enrol(print_code(code))
            served.run_until(lambda: served.count(Offer) >= offers)
        found = predict(SPEC, replica.parameters, test).argmax(1)
        return float((found == test_classes).mean()), flash_bytes(sections(SUBJECT, program))


def main() -> None:
    """Measure both, and end with the figures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few exchanges")
    offers = 30 if parser.parse_args().quick else 200
    figures, steps, accuracies = Figures(), {}, {}
    for fixed, name in ((False, "floats"), (True, "integers")):
        progress(f"{name}: steps")
        steps[fixed] = instructions(fixed)
        progress(f"{name}: {offers} exchanges")
        accuracies[fixed], flash = learn(fixed, offers)
        print(
            f"{name:8} {steps[fixed]:12,.0f} instructions a step   accuracy {accuracies[fixed]:.1%}"
            f"   flash {flash:7,} bytes",
            flush=True,
        )
    figures.add("integer_step_speed", steps[False] / steps[True], "times", ">=", SPEED_MIN)
    lost = 100 * (accuracies[False] - accuracies[True])
    figures.add("integer_accuracy_lost", lost, "points", "<=", LOSS_MAX)
    figures.finish()


if __name__ == "__main__":
    main()
