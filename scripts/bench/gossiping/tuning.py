"""How settings were chosen: kB to target and final accuracy on validation rows, other seeds."""

from collections.abc import Sequence

from gossiping.arena import PARTITIONS, Arena, mean
from gossiping.pool import complete
from gossiping.schemes import FEDAVG, grid
from gossiping.table import number

TUNING_SEEDS = (100, 101)
RATES = (0.1, 0.2, 0.3, 0.5)


def tune(task: str) -> None:
    """Print FedAvg's final accuracy by rate, then every scheme's cost at the task's own rate."""
    rates = {rate: _arenas(task, [], {"learning_rate": rate}) for rate in RATES}
    schemes = _arenas(task, grid(), {})
    complete(run for group in (*rates.values(), schemes) for arena in group for run in arena.runs())
    for rate, group in rates.items():
        finals = [mean(arena.judge("validation")[FEDAVG.name], "final") for arena in group]
        print(f"{task}: FedAvg at rate {rate}: {', '.join(f'{each:.4f}' for each in finals)}")
    for arena in schemes:
        for name, found in arena.judge("validation").items():
            kilobytes, final = mean(found, "kilobytes"), mean(found, "final")
            print(f"{arena.title}, {name}: {number(kilobytes)} kB, final {final:.4f}", flush=True)


def _arenas(task: str, schemes: Sequence, training: dict) -> list[Arena]:
    return [
        Arena(
            title=f"{task} {partition}",
            task=task,
            partition=partition,
            schemes=schemes,
            seeds=TUNING_SEEDS,
            training=training,
        )
        for partition in PARTITIONS.values()
    ]
