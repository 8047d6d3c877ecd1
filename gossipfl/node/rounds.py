"""The loop that everything else serves: train, pick a neighbour, mix."""

import math
from typing import Any, Final, Literal

import numpy as np
import trio
from attrs import define

from gossipfl.central.links import Purpose
from gossipfl.errors import PeerError, TrainingFailed
from gossipfl.fallback.policy import Mode
from gossipfl.learning.best import BestWatch
from gossipfl.learning.learner import Learner
from gossipfl.learning.training import TrainingDiverged
from gossipfl.node.course import Course
from gossipfl.node.inputs import Inputs
from gossipfl.node.lead import Lead
from gossipfl.node.mesh import Mesh, Neighbour
from gossipfl.node.mixer import Mixer
from gossipfl.node.observer import Observer
from gossipfl.node.releases import Releases
from gossipfl.node.state.checkpoints import Checkpoints
from gossipfl.node.state.journal import RunBlocking

EVALUATION_INTERVAL_S: Final = 1.0
ALONE_S: Final = 5.0
SETTLE_MAX_S: Final = 30.0


@define
class Progress:
    """What the newest rounds showed."""

    loss: float = float("nan")
    validation_loss: float | None = None
    accuracy: float | None = None
    error: float | None = None
    state: Literal["settling", "training", "resting", "coordinating"] = "settling"
    drift: float | None = None
    drift_feature: str | None = None
    label_drift: float | None = None


class Rounds:
    """Local training and the exchanges that follow it."""

    def __init__(
        self,
        learner: Learner,
        inputs: Inputs,
        mixer: Mixer,
        mesh: Mesh,
        checkpoints: Checkpoints,
        best: BestWatch,
        run_blocking: RunBlocking,
        observer: Observer,
        rng: np.random.Generator,
        course: Course,
        releases: Releases,
        lead: Lead,
        *,
        resend_s: float,
        stop_after: int,
    ) -> None:
        self.progress = Progress()
        self._learner = learner
        self._inputs = inputs
        self._mixer = mixer
        self._mesh = mesh
        self._checkpoints = checkpoints
        self._best = best
        self._run_blocking = run_blocking
        self._observer = observer
        self._rng = rng
        self._course = course
        self._releases = releases
        self._lead = lead
        self._resend_s = resend_s
        self._stop_after = stop_after
        self._evaluated_s = -EVALUATION_INTERVAL_S

    async def run(self, interval_s: float, settle_s: float, rounds: int) -> None:
        """Until cancelled, or for so many rounds unless that is 0."""
        await self._settle(settle_s)
        self.progress.state = "training"
        self._observer.emit("training.started", samples=self._learner.samples)
        async with trio.open_nursery() as nursery:
            while not rounds or self._mixer.replica.rounds < rounds:
                with trio.move_on_after(self._pause_s(interval_s)):
                    await self._lead.called()
                await self._lead.ready()
                await self._learn()
                await self._releases.attend()  # first: it waits until no exchange is open
                self._checkpoints.note_round()
                neighbour = self._mesh.pick(self._rng, self._is_ready)
                if neighbour is not None:
                    await self._offer(nursery, neighbour)
                turn = self._lead.turn()
                if turn is not None and not self._releases.keeps_from(turn[0]):
                    await self._offer(nursery, *turn)

    async def _settle(self, settle_s: float) -> None:
        """Wait until the cluster agrees on input statistics, or until we seem to be alone.

        Not for long: news may come without end, and a silent neighbour must not hold us up.
        """
        if not self._inputs.shared:
            return
        start_s = trio.current_time()
        while not self._inputs.is_settled(settle_s):
            patience_s = max(SETTLE_MAX_S, 2 * settle_s) if len(self._mesh) else ALONE_S
            if trio.current_time() - start_s >= patience_s:
                return
            await trio.sleep(min(0.1, settle_s + 0.01))

    def _pause_s(self, interval_s: float) -> float:
        """Neighbours are not to speak all at once; a seed waits for all whom it leads."""
        if self._lead.mode is Mode.CENTRAL:
            return interval_s
        return float(self._rng.exponential(interval_s))

    def _is_ready(self, neighbour: Neighbour) -> bool:
        is_turn = self._course.is_turn(neighbour.hello.instance)
        if self._releases.keeps_from(neighbour):
            return False
        return is_turn and self._mixer.is_ready(neighbour, self._resend_s)

    async def _learn(self) -> None:
        """One round, with or without training."""
        replica = self._mixer.replica
        await self._inputs.refresh(self._run_blocking)
        replica.samples = self._learner.samples
        if self.progress.state == "resting":
            replica.rested()
        elif not await self._train():
            return
        if replica.end_round():
            self._observer.emit("training.guarded", gain=replica.guard.gain)
        await self._evaluate()

    async def _train(self) -> bool:
        """Local steps; False when they failed."""
        replica = self._mixer.replica
        start, correction = replica.start().copy(), replica.correction().copy()
        try:
            fit = await self._run_blocking(self._learner.fit, start, correction)
        except TrainingFailed as error:
            kind = "diverged" if isinstance(error, TrainingDiverged) else "failed"
            self._observer.emit(f"training.{kind}", error=str(error))
            return False
        replica.trained(start, fit.parameters, self._learner.step_size)
        self.progress.loss = fit.loss
        return True

    async def _evaluate(self) -> None:
        """Judge the averaged model on held-back readings, at most once a second."""
        if trio.current_time() - self._evaluated_s < EVALUATION_INTERVAL_S:
            return
        self._evaluated_s = trio.current_time()
        replica, progress = self._mixer.replica, self.progress
        average, rounds = replica.average.copy(), replica.rounds
        try:
            found: Any = await self._run_blocking(self._learner.evaluate, average)
        except TrainingFailed as error:
            self._observer.emit("evaluation.failed", error=str(error))
            return
        progress.validation_loss = found.loss if found.samples else None
        progress.accuracy, progress.error = found.accuracy, found.error
        whole = self._learner.complete(average)
        self._best.note(found, whole, rounds, self._inputs.edition)
        self._rest_or_train()
        self._observer.emit(
            "round",
            round=replica.rounds,
            loss=None if math.isnan(progress.loss) else round(progress.loss, 5),
            validation_loss=progress.validation_loss,
            accuracy=progress.accuracy,
            drift=progress.drift,
            drift_feature=progress.drift_feature,
            residual=round(replica.guard.residual, 5),
            neighbours=len(self._mesh),
            exchanges=self._mixer.applied,
        )

    def _rest_or_train(self) -> None:
        """Better news from neighbours, or readings that are judged anew, end a rest."""
        rests = 0 < self._stop_after <= self._best.stale
        state: Literal["training", "resting"] = "resting" if rests else "training"
        if state != self.progress.state:
            self.progress.state = state
            self._observer.emit(f"training.{'rests' if rests else 'resumed'}")

    async def _offer(
        self, nursery: trio.Nursery, neighbour: Neighbour, purpose: Purpose = Purpose.VISIT
    ) -> None:
        request = await self._mixer.open(neighbour, purpose)
        try:
            has_left = request is None or neighbour.put(request)
        except PeerError as error:
            self._fail(neighbour, error)
            return
        if not has_left:  # a peer that does not read may not hold up our rounds
            nursery.start_soon(self._drain, neighbour)

    async def _drain(self, neighbour: Neighbour) -> None:
        try:
            await neighbour.drain()
        except PeerError as error:
            self._fail(neighbour, error)

    def _fail(self, neighbour: Neighbour, error: PeerError) -> None:
        self._observer.emit("exchange.failed", peer=neighbour.name, reason=str(error))
        neighbour.end(str(error))
