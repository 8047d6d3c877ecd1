"""Node processes that lose their multicast and half of their links in mid-run, and a seed.

Each has a network namespace of its own (root).  Some nodes lose every link but that to the seed,
which is killed and started again twice meanwhile; then all is repaired.  Beside it the same run
without faults.
"""

import math
import tempfile
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import trio
from attrs import frozen
from datasets.digits import digits_files
from figures import Figures, progress

from gossipfl.data.sources import infer_schema
from gossipfl.faults.events import Event, Kill, Restart
from gossipfl.faults.links import Cut, Heal, Mute
from gossipfl.faults.script import QUIET, FaultScript
from gossipfl.learning.settings import TrainingSettings
from gossipfl.manifest import Manifest
from gossipfl.models.sequential import perceptron
from gossipfl.node.harness.faults import FaultDriver
from gossipfl.node.harness.judge import Judge
from gossipfl.node.harness.led import admit_seed
from gossipfl.node.harness.namespaces import Namespaces
from gossipfl.node.harness.parts import make_parts
from gossipfl.node.harness.swarm import Swarm, from_files
from gossipfl.node.kernels import warm_kernels

PERIOD_S, POLL_S = 2.0, 0.2
WANTED = 2  # neighbours, below which a node turns to a seed
FLAGS = (
    *("--interval-s", str(PERIOD_S), "--resend-s", str(PERIOD_S), "--fallback-below", str(WANTED)),
    *("--fallback-after-s", "0.4", "--fallback-return-s", "0.5", "--validation", "0"),
    *("--probe-interval-s", "0.4", "--probe-timeout-s", "0.2"),
)


@frozen
class Sizes:
    """Nodes beside the seed, of which so many lose all links; seconds from the start of all.

    compares: whether the run without faults is made as well.
    """

    nodes: int
    starved: int
    cut_s: float
    kills_s: tuple[float, float]
    down_s: float
    heal_s: float
    end_s: float
    compares: bool

    @property
    def cut(self) -> tuple[tuple[int, int], ...]:
        """Half of all pairs of nodes: those of the starved ones, and more; the seed is node 0."""
        pairs = sorted(combinations(range(1, self.nodes + 1), 2), key=lambda pair: pair[0])
        return tuple(pairs[: len(pairs) // 2])

    def script(self) -> FaultScript:
        """What happens."""
        events = [Mute(at_s=self.cut_s), Cut(at_s=self.cut_s, links=self.cut)]
        for kill_s in self.kills_s:
            events += [
                Kill(at_s=kill_s, nodes=(0,)),
                Restart(at_s=kill_s + self.down_s, nodes=(0,)),
            ]
        return FaultScript((*events, Heal(at_s=self.heal_s)), "scripts/bench/fallback")


FULL = Sizes(11, 3, 40.0, (48.0, 64.0), 4.0, 80.0, 140.0, True)
QUICK = Sizes(6, 2, 8.0, (13.0, 18.0), 2.0, 23.0, 31.0, False)


@frozen
class Found:
    """Seconds after the cut until each node learns again, and after the repair until each gossips;
    accuracy of the mean node at the end.
    """

    learning_s: list[float]
    gossiping_s: list[float]
    accuracy: float


class Watch:
    """Looks at every node five times a second.

    learning_s: for each, seconds from the cut until it has somebody to learn with again: it has
        made an exchange with anybody, or has as many neighbours as it wants that are not cut off.
        (Rounds themselves, which come at random, go on all the time.)
    gossiping_s: from the repair until it gossips again, for the rest of the run.
    """

    def __init__(self, swarm: Swarm, sizes: Sizes) -> None:
        self.learning_s: dict[int, float] = {}
        self.gossiping_s: dict[int, float] = {}
        self._swarm = swarm
        self._numbers = range(1, sizes.nodes + 1)
        self._cut_pairs = {frozenset(pair) for pair in sizes.cut}
        self._happened: dict[type[Event], float] = {}
        self._before: dict[int, dict[str, Any]] = {}

    def tell(self, event: Event) -> None:
        """It happens now."""
        self._happened[type(event)] = trio.current_time()
        progress(f"{event}"[:60])

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            async with trio.open_nursery() as nursery:
                for number in self._numbers:
                    nursery.start_soon(self._look, number)
            await trio.sleep(POLL_S)

    async def _look(self, number: int) -> None:
        asked_s = trio.current_time()
        status = await self._swarm.members[number].ask("status")
        repaired_s, cut_s = (self._happened.get(kind, math.inf) for kind in (Heal, Cut))
        if asked_s > repaired_s:
            self._note_gossip(number, status, trio.current_time() - repaired_s)
        elif asked_s > cut_s and number not in self.learning_s:
            self._note_learning(number, status, trio.current_time() - cut_s)

    def _note_learning(self, number: int, status: dict[str, Any], since_s: float) -> None:
        before = self._before.setdefault(number, status)
        if status["exchanges"] > before["exchanges"] or self._has_enough(number, status):
            self.learning_s[number] = since_s

    def _note_gossip(self, number: int, status: dict[str, Any], since_s: float) -> None:
        gossips = status["mode"] == "gossip" and len(self._peers(status)) >= WANTED
        if not gossips:
            self.gossiping_s.pop(number, None)
        else:
            self.gossiping_s.setdefault(number, since_s)

    def _has_enough(self, number: int, status: dict[str, Any]) -> bool:
        reached = (
            each
            for each in self._peers(status)
            if frozenset((number, self._number(each))) not in self._cut_pairs
        )
        return len(list(reached)) >= WANTED

    def _peers(self, status: dict[str, Any]) -> list[dict[str, Any]]:
        return [each for each in status["neighbours"] if not each["central"]]

    def _number(self, peer: dict[str, Any]) -> int:
        names = [member.name for member in self._swarm.members]
        return names.index(peer["name"])

    def seconds(self, found: dict[int, float]) -> list[float]:
        """Of all nodes; infinite for those that did not get there."""
        return [found.get(number, math.inf) for number in self._numbers]


def measure(figures: Figures, quick: bool) -> None:
    """With faults, and without."""
    sizes = QUICK if quick else FULL
    progress("preparing kernels")
    warm_kernels()
    broken = trio.run(_run, sizes, sizes.script())
    learning = max(broken.learning_s) / PERIOD_S
    figures.add("starved-learning-again", learning, "periods", "<=", 2)
    figures.add("starved-gossiping-again", max(broken.gossiping_s) / PERIOD_S, "periods", "<=", 3)
    if sizes.compares:
        behind = trio.run(_run, sizes, QUIET).accuracy - broken.accuracy
        figures.add("starved-behind-unbroken", 100 * behind, "points", "<=", 1)


async def _run(sizes: Sizes, script: FaultScript) -> Found:
    progress(f"{sizes.nodes} nodes and a seed, {'' if script.events else 'un'}broken")
    with tempfile.TemporaryDirectory(prefix="gossipfl-") as directory:
        swarm, judge = _swarm(Path(directory), sizes)
        swarm.prepare(script)
        async with swarm.running(), trio.open_nursery() as nursery:
            watch = Watch(swarm, sizes)
            nursery.start_soon(FaultDriver(swarm, script, (), watch.tell).run)
            nursery.start_soon(watch.run)
            await trio.sleep(sizes.end_s)
            views = (await swarm.views())[1:]
            nursery.cancel_scope.cancel()
        progress(f"learning {_shown(watch.seconds(watch.learning_s))}")
        progress(f"gossiping {_shown(watch.seconds(watch.gossiping_s))}")
        accuracy = float(np.mean([judge.score_view(view) for view in views]))
        progress(f"mean node right on {100 * accuracy:.1f} %")
        found = (watch.seconds(each) for each in (watch.learning_s, watch.gossiping_s))
        return Found(*found, accuracy)


def _swarm(directory: Path, sizes: Sizes) -> tuple[Swarm, Judge]:
    train, test = digits_files()
    manifest = Manifest(
        cluster="starved",
        schema=infer_schema(train),
        standardise="none",
        layers=perceptron((32,)),
        keep_ratio=0.05,
        training=TrainingSettings(learning_rate=0.3),
    )
    place = directory / "parts"
    parts = make_parts(
        train, test, manifest.schema, "dirichlet:0.5", sizes.nodes, None, place, seed=0
    )
    network = Namespaces(sizes.nodes + 1, seed=0)
    swarm = Swarm(directory, manifest, from_files(parts.files), network)
    address = network.addresses(1)[0]
    for number, member in enumerate(swarm.members, start=1):
        member.arguments += [*network.options(number), "--peer", address, *FLAGS]
        member.arguments += ["--seed", str(number)]
    admit_seed(swarm, address, "--deadline-s", str(PERIOD_S), "--probe-interval-s", "0.4")
    swarm.members[0].arguments += ["--probe-timeout-s", "0.2"]
    return swarm, Judge(manifest, parts.test)


def _shown(seconds: list[float]) -> str:
    return " ".join(f"{each:.1f}" for each in seconds)
