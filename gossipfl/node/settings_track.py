"""Releases of training settings in a node: tried on copies of its learner, then trained with."""

from gossipfl.agreement import Agreement
from gossipfl.errors import TrainingFailed
from gossipfl.learning.learner import Adjustable
from gossipfl.learning.settings import TrainingSettings
from gossipfl.learning.trial import Trial
from gossipfl.manifest import Manifest
from gossipfl.node.release_track import Services, Track
from gossipfl.releases.judging import Opinion, judge
from gossipfl.releases.release import Release
from gossipfl.releases.rollout import Step
from gossipfl.releases.settings import SettingsBounds

WORST = Opinion(worse=True, change=-1.0)


class SettingsTrack(Track[TrainingSettings]):
    """Of one node.  Where nothing is trained, as in a seed, it is passed on and not tried."""

    subject = "settings"

    def __init__(self, manifest: Agreement, services: Services) -> None:
        self._bounds = _bounds(manifest)
        super().__init__(self._bounds, services)
        learner = services.learner
        self._learner = learner if isinstance(learner, Adjustable) else None
        self._replica = services.mixer.replica
        self._run_blocking = services.around.run_blocking
        self._tried: Release | None = None
        self._trial: Trial | None = None
        self._apply()

    async def attend(self) -> None:
        """Between two rounds."""
        if self._rollout.number:
            await super().attend()
            self._apply()

    async def _try(self) -> None:
        release, trial = self._rollout.release, await self._find_trial()
        if trial is None:
            return
        await self._run_blocking(trial.advance)
        if trial.failed and self._is_on(release):
            self._report(WORST)

    async def _judge(self) -> None:
        release, trial = self._rollout.release, await self._find_trial()
        assert release is not None
        opinion = None
        if trial is not None:
            if not trial.rounds:
                await self._run_blocking(trial.advance)
            try:
                before, after = await self._run_blocking(trial.evaluate)
            except TrainingFailed as error:
                self._observer.emit("evaluation.failed", error=str(error))
                return
            opinion = WORST if trial.failed else judge(before, after, release.tolerance)
        if self._is_on(release):
            self._report(opinion)
            self._trial = None

    async def _find_trial(self) -> Trial | None:
        """That of our release, begun now if need be; None where nobody would hear of it."""
        settings, learner = self._rollout.brought(), self._learner
        if settings is None or learner is None or not self._rollout.is_judge:
            return None
        if self._tried is not self._rollout.release:
            start = self._replica.start().copy()
            judges = (await self._run_blocking(learner.evaluate, start)).samples > 0
            self._tried = self._rollout.release
            correction = self._replica.correction().copy()
            self._trial = Trial(learner, settings, start, correction) if judges else None
        return self._trial

    def _is_on(self, release: Release | None) -> bool:
        """Whether it is still this release that we try."""
        return self._rollout.release is release and self._rollout.phase == "trying"

    def _is_quiet(self) -> bool:
        """Always: neighbours that train otherwise mix as any do."""
        return True

    def _move(self, step: Step) -> None:
        self._rollout.note_done(step)
        self._trial = None
        self._apply()

    def _apply(self) -> None:
        """Train by what is in force: it follows from what is known, so it outlives restarts."""
        wanted, learner = self._bounds.in_force(self._rollout), self._learner
        if wanted is not None and learner is not None and wanted != learner.settings:
            learner.adjust(wanted)
            self._observer.emit("settings.changed", release=self._rollout.number)


def _bounds(manifest: Agreement) -> SettingsBounds:
    return SettingsBounds(
        manifest.id, manifest.training if isinstance(manifest, Manifest) else None
    )
