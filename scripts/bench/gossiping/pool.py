"""Many runs at once: what is on disk is not run again, so a bench goes on where it ended."""

import os
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context

from figures import progress

from gossiping.runs import KEPT, Run, perform
from gossiping.tasks import make_task


def complete(runs: Iterable[Run], workers: int | None = None) -> None:
    """Perform those that have no record yet, the longest first; workers: None for all cores."""
    KEPT.mkdir(parents=True, exist_ok=True)
    wanted = {run.key: run for run in runs}
    missing = [run for run in wanted.values() if not run.path.exists()]
    progress(f"{len(wanted)} runs, {len(wanted) - len(missing)} of them on disk")
    for task in {run.task for run in missing}:
        make_task(task)  # fetched once, before several processes ask for it
    if missing:
        _perform_all(sorted(missing, key=lambda run: run.node_rounds, reverse=True), workers)


def _perform_all(runs: Sequence[Run], workers: int | None) -> None:
    """Compiled code and data are loaded by each process once."""
    started_s, total, done = time.monotonic(), sum(run.node_rounds for run in runs), 0
    workers = min(workers or os.cpu_count() or 1, len(runs))
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        futures = {pool.submit(_perform, run): run for run in runs}
        for number, future in enumerate(as_completed(futures), 1):
            future.result()
            run = futures[future]
            done += run.node_rounds
            gone_s = time.monotonic() - started_s
            left_s = gone_s * (total - done) / done
            progress(
                f"{number}/{len(runs)} {run.task} {run.partition} {run.nodes} nodes, "
                f"{run.algorithm} seed {run.seed}; {done / gone_s:.0f} node-rounds/s, "
                f"{left_s / 60:.1f} min left"
            )


def _perform(run: Run) -> None:
    """Unless another bench beside us has done it meanwhile."""
    if not run.path.exists():
        perform(run)
