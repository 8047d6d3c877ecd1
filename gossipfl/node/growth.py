"""New readings while a node runs: taken in, told in summary, and watched for drift."""

from typing import Final

import trio

from gossipfl.data.drift import Drift, DriftWatch
from gossipfl.errors import DataError
from gossipfl.node.folder import Folder
from gossipfl.node.inputs import PreparedInputs
from gossipfl.node.observer import Observer
from gossipfl.node.rounds import Progress
from gossipfl.node.state.journal import RunBlocking

REFUSED_MAX: Final = 100


class Growth:
    """Looks into a folder from time to time.

    refused: names of the newest files that could not be read.
    """

    def __init__(
        self,
        inputs: PreparedInputs,
        folder: Folder,
        watch: DriftWatch,
        progress: Progress,
        run_blocking: RunBlocking,
        observer: Observer,
        *,
        threshold: float,
    ) -> None:
        self.refused: list[str] = []
        self._folder = folder
        self._inputs = inputs
        self._watch = watch
        self._progress = progress
        self._run_blocking = run_blocking
        self._observer = observer
        self._threshold = threshold
        self._drifted = self._lost = False

    async def run(self, interval_s: float) -> None:
        """Until cancelled."""
        while True:
            await trio.sleep(interval_s)
            for name in await self._fresh():
                await self._take(name)

    async def _fresh(self) -> list[str]:
        try:
            found: list[str] = await self._run_blocking(self._folder.fresh)
        except DataError as error:
            if not self._lost:  # the same news every few seconds is none
                self._observer.emit("data.lost", reason=str(error))
            self._lost = True
            return []
        self._lost = False
        return found

    async def _take(self, name: str) -> None:
        try:
            arrived = await self._run_blocking(self._folder.read, name)
        except DataError as error:
            self.refused = [*self.refused, name][-REFUSED_MAX:]
            self._observer.emit("data.refused", file=name, reason=str(error))
            return
        drift: Drift = await self._run_blocking(self._watch.see, arrived)
        await self._inputs.take(arrived, name, self._run_blocking)
        seen = self._inputs.readings.seen
        self._observer.emit("data.arrived", file=name, rows=len(arrived), seen=seen)
        self._judge(drift)

    def _judge(self, drift: Drift) -> None:
        """Note it, and warn when it begins."""
        progress, drifts = self._progress, drift.exceeds(self._threshold)
        progress.drift, progress.drift_feature = round(drift.distance, 4), drift.feature
        progress.label_drift = round(drift.labels, 4)
        if drifts and not self._drifted:
            self._observer.emit(
                "data.drifted",
                drift=progress.drift,
                drift_feature=drift.feature,
                label_drift=progress.label_drift,
                advice="see whether sensor and labels are as they were",
            )
        self._drifted = drifts
