"""The same seed gives the same run, to the last event; otherwise no failure could be replayed."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import numpy as np
import trio
import trio.testing

from gossipfl.transports.faults import Faults
from tests.simulation.cluster import SEED, Cluster
from tests.simulation.readings import skewed

NODES: Final = 4
DRAW: Final = """
import numpy as np
from tests.simulation.cluster import SEED
from tests.simulation.scripted import draw_script
print(draw_script(np.random.default_rng([SEED, 0]), 5, 12, 40.0))
"""
FAULTS: Final = Faults(delay_s=0.05, jitter_s=0.1, loss=0.1, duplicate=0.1, reorder=0.1)


def run(path: Path, seed: int, schedule: int) -> str:
    """The hash over everything that all nodes reported in one run."""

    async def main() -> None:
        async with cluster.open():
            await cluster.start()
            await trio.sleep(10)
            await cluster.kill(cluster.devices[0])
            await cluster.start(cluster.devices[0])
            await trio.sleep(10)

    cluster = Cluster(
        path, skewed(np.random.default_rng(1), NODES), seed=seed, faults=FAULTS, interval_s=0.5
    )
    trio._core._run._r.seed(schedule)
    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert len(cluster.trace) > 100
    return cluster.digest()


def test_trio_still_lets_us_fix_the_schedule() -> None:
    """Private names of trio, set by pytest-trio: without them no simulation could be replayed."""
    assert trio._core._run._ALLOW_DETERMINISTIC_SCHEDULING is True


def test_same_seed_same_run(tmp_path: Path) -> None:
    assert run(tmp_path / "a", 3, 5) == run(tmp_path / "b", 3, 5)


def test_another_seed_another_run(tmp_path: Path) -> None:
    """The control: runs that could not differ would prove nothing."""
    assert run(tmp_path / "a", 3, 5) != run(tmp_path / "b", 4, 5)


def test_another_schedule_another_run(tmp_path: Path) -> None:
    """Simultaneous wake-ups happen, so that the seed of the scheduler matters."""
    assert run(tmp_path / "a", 3, 5) != run(tmp_path / "b", 3, 6)


def test_a_failure_shows_how_to_replay_it(tmp_path: Path, capsys) -> None:
    Cluster(tmp_path, skewed(np.random.default_rng(1), 2), seed=SEED + 7)
    assert f"replay with GOSSIPFL_TEST_SEED={SEED}\n" in capsys.readouterr().out


def test_the_variable_decides_what_tests_draw(monkeypatch) -> None:
    """In processes of their own, as a replay is."""
    found = []
    for seed in ("5", "5", "6"):
        monkeypatch.setenv("GOSSIPFL_TEST_SEED", seed)
        run = subprocess.run([sys.executable, "-c", DRAW], capture_output=True, check=True)
        found.append(run.stdout)
    assert found[0] == found[1] != found[2]
