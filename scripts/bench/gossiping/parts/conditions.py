"""The digits under worse conditions: beside FedAvg under the same, or beside ours in calm ones."""

from collections.abc import Sequence

from figures import Figures

from gossipfl.simulation.churn import OnOff, Trace
from gossipfl.simulation.network import Conditions
from gossiping.arena import Arena, mean
from gossiping.parts.part import Part
from gossiping.runs import Run, recall
from gossiping.schemes import FEDAVG, anchored
from gossiping.table import listing, table

OURS = anchored(0.02)
DIRICHLET = "dirichlet:0.3"
ADAM = {"optimizer": "adam", "learning_rate": 0.003}
LOSS = Conditions(loss=0.2)
MEETING = 150
# What may be lost, in points: to FedAvg under the same conditions, and to ours in calm ones.
TO_FEDAVG = {"calm": 0.5, "speeds": 1.5, "adam": 1.5, "two-classes": 1.5, "islands": 2.0}
TO_CALM = {"loss": 1.0, "loss-and-churn": 2.0}
JOINER, JOINS, SETTLED = 15, 150, 200


def conditions(seeds: Sequence[int]) -> Part:
    """All have a constant rate, since nobody knows when a mesh has learnt enough."""
    arenas = _arenas(seeds)
    joins = [_join(arenas["calm"], seed) for seed in seeds]

    def report(figures: Figures) -> list[str]:
        found = {name: arena.judge() for name, arena in arenas.items()}
        final = {name: mean(each[OURS.name], "final") for name, each in found.items()}
        for name, most in TO_FEDAVG.items():
            gap = mean(found[name][FEDAVG.name], "final") - final[name]
            figures.add(f"digits-{name}-gap-to-fedavg", 100 * gap, "points", "<=", most)
        for name, most in TO_CALM.items():
            lost = 100 * (final["calm"] - final[name])
            figures.add(f"digits-{name}-lost", lost, "points", "<=", most)
        behind = [_behind(run) for run in joins]
        figures.add("digits-joiner", 100 * sum(behind) / len(behind), "points", "<=", 1)
        rows = {str(seed): [f"{100 * b:.2f}"] for seed, b in zip(seeds, behind, strict=True)}
        columns = ["points that it is behind the mean of the others"]
        title = f"A node that joins after {JOINS} rounds, {SETTLED - JOINS} rounds later, by seed"
        return [*map(table, arenas.values()), listing(title, columns, rows)]

    runs = [run for arena in arenas.values() for run in arena.runs()]
    return Part(name="conditions", runs=[*runs, *joins], report=report)


def _arenas(seeds: Sequence[int]) -> dict[str, Arena]:
    def arena(
        title: str, partition: str = DIRICHLET, task: str = "digits", **changes: dict
    ) -> Arena:
        return Arena(
            title=f"Digits, 16 nodes, {title}",
            task=task,
            partition=partition,
            schemes=[OURS],
            seeds=seeds,
            **changes,
        )

    islands = {"topology": "islands:4", "renew_s": float(MEETING)}
    return {
        "calm": arena(DIRICHLET),
        "speeds": arena("the fastest 8 times as fast", world={"speed_spread": 8.0}),
        "adam": arena("Adam", training=ADAM),
        "two-classes": arena("two classes each", "shards:2"),
        "loss": arena("20 % of frames lost", world={"conditions": LOSS}),
        "loss-and-churn": arena(
            "20 % of frames lost, 30 % of nodes away",
            world={"conditions": LOSS, "churn": OnOff(share=0.3)},
        ),
        "islands": arena(
            f"two islands without a class in common, which meet after {MEETING} of 300 rounds",
            "by-group",
            "islands",
            world=islands,
        ),
    }


def _join(calm: Arena, seed: int) -> Run:
    trace = Trace([(0.0, JOINER, False), (float(JOINS), JOINER, True)])
    late = Arena(
        title="",
        task=calm.task,
        partition=calm.partition,
        schemes=[],
        seeds=[],
        rounds=SETTLED,
        world={"churn": trace},
    )
    return late.run(OURS, seed)


def _behind(run: Run) -> float:
    scores = recall(run).scores
    others = [score for node, score in enumerate(scores) if node != JOINER]
    return sum(others) / len(others) - scores[JOINER]
