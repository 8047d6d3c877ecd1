"""Releases of models in a node: tried for predictions, then let into what it learns on from."""

from typing import Final

import numpy as np
import trio
from numpy.typing import NDArray

from gossipfl.agreement import Agreement
from gossipfl.errors import TrainingFailed
from gossipfl.node.mesh import Neighbour
from gossipfl.node.release_track import Services, Track
from gossipfl.node.state.store import Kept
from gossipfl.releases.bounds import ModelBounds
from gossipfl.releases.judging import judge
from gossipfl.releases.rollout import Step

Vector = NDArray[np.float32]
# How long open exchanges are waited for before the model jumps.
LEAVING_MAX_S: Final = 15.0
# In the store: the way back to before a release.
LEAP: Final = "release-leap"


class ModelTrack(Track[Vector]):
    """Of one node."""

    subject = "release"

    def __init__(self, manifest: Agreement, services: Services) -> None:
        super().__init__(ModelBounds(manifest.id, manifest.parameters), services)
        self._mixer = services.mixer
        self._learner = services.learner
        self._checkpoints = services.checkpoints
        self._run_blocking = services.around.run_blocking
        self._leap = _floats(services.saved.kept.get(LEAP, b""))
        self._leaving_s: float | None = None

    def keeps_from(self, neighbour: Neighbour) -> bool:
        """Whether its model and ours should not mix: one of us is about to leave its own behind."""
        if self._leaving_s is not None:
            return True
        return self._bulletin.is_apart(neighbour.id, trio.current_time())

    @property
    def moves(self) -> bool:
        """Whether the model is about to jump."""
        return self._rollout.step(trio.current_time()) in ("adopt", "undo")

    @property
    def in_use(self) -> Vector | None:
        """f32[d], what to predict with instead of what the mesh has learnt."""
        return self._rollout.in_use

    async def _try(self) -> None:
        """Nothing to do: a model predicts as it is."""

    async def _judge(self) -> None:
        release, model = self._rollout.release, self._rollout.brought()
        assert release is not None
        try:
            after = await self._run_blocking(self._learner.evaluate, model)
            # Last, so that what a learner tunes when it judges suits what the mesh learns.
            average = self._mixer.replica.average.copy()
            before = await self._run_blocking(self._learner.evaluate, average)
        except TrainingFailed as error:
            self._observer.emit("evaluation.failed", error=str(error))
            return
        if self._rollout.release is release and self._rollout.phase == "trying":
            self._report(judge(before, after, release.tolerance))

    def _is_quiet(self) -> bool:
        """No neighbour has applied an exchange that we have not, unless we waited too long."""
        now_s = trio.current_time()
        if self._leaving_s is None:
            self._leaving_s = now_s
        if now_s - self._leaving_s >= LEAVING_MAX_S:
            return True
        return not any(self._mixer.awaits(neighbour) for neighbour in self._mesh)

    def _move(self, step: Step) -> None:
        """Let the release into the model, or take out what it had brought."""
        self._leaving_s = None
        replica = self._mixer.replica
        if step == "adopt":
            model = self._rollout.brought()
            assert model is not None
            self._leap = model - replica.parameters
            replica.leap(self._leap)
        else:
            replica.leap(-self._leap)
            self._leap = np.zeros(0, np.float32)
        # In one transaction with what is kept next: nobody leaps twice.
        self._checkpoints.write_model()
        self._journal.put(Kept(LEAP, self._leap.astype("<f4").tobytes()))
        self._rollout.note_done(step)


def _floats(raw: bytes) -> Vector:
    return np.frombuffer(raw, "<f4").astype(np.float32)
