"""Runs a node's part in releases: the core decides, this file judges, adopts, keeps and sends."""

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import trio
from numpy.typing import NDArray

from gossipfl.agreement import Agreement
from gossipfl.errors import PeerError, TrainingFailed, Untrusted
from gossipfl.learning.learner import Learner
from gossipfl.membership.effects import Send
from gossipfl.membership.records import id_of
from gossipfl.node.membership import Membership
from gossipfl.node.mesh import Mesh, Neighbour
from gossipfl.node.mixer import Mixer
from gossipfl.node.state.checkpoints import Checkpoints
from gossipfl.node.state.journal import Journal
from gossipfl.node.state.store import Kept, Saved
from gossipfl.node.surroundings import Surroundings
from gossipfl.releases.bulletin import Bulletin, Effect, ReleaseMessage
from gossipfl.releases.judging import judge
from gossipfl.releases.rollout import Bounds, Rollout

Vector = NDArray[np.float32]
INTERVAL_S: Final = 1.0
# How long open exchanges are waited for before the model jumps.
LEAVING_MAX_S: Final = 15.0
# Names in the store: what is known, the release's model, and the way back to before it.
KNOWN, MODEL, LEAP = "release", "release-model", "release-leap"


class Releases:
    """What the node's services tell the core, and what it wants done in return."""

    def __init__(
        self,
        manifest: Agreement,
        membership: Membership,
        mesh: Mesh,
        mixer: Mixer,
        learner: Learner,
        checkpoints: Checkpoints,
        journal: Journal,
        around: Surroundings,
        saved: Saved,
    ) -> None:
        self._mesh = mesh
        self._mixer = mixer
        self._learner = learner
        self._checkpoints = checkpoints
        self._journal = journal
        self._run_blocking = around.run_blocking
        self._observer = around.observer
        self._sign = membership.sign_report
        bounds = Bounds(manifest.id, manifest.parameters)
        self._rollout = Rollout(id_of(membership.certificate.public_key), bounds)
        self._leap = _floats(saved.kept.get(LEAP, b""))
        self._recall(membership, saved)
        self._bulletin = Bulletin(
            self._rollout,
            membership.read_release,
            membership.read_report,
            mixer.affords,
            around.rng,
        )
        self._told = self._where()
        self._kept = self._rollout.snapshot()
        self._kept_model = self._rollout.content_bytes()
        self._changed = trio.Event()
        self._nursery: trio.Nursery | None = None
        self._leaving_s: float | None = None

    def _recall(self, membership: Membership, saved: Saved) -> None:
        known, model = saved.kept.get(KNOWN, ()), saved.kept.get(MODEL, b"")
        read = membership.read_release, membership.read_report
        try:
            self._rollout.restore(known, model, *read)
        except Untrusted as error:
            self._observer.emit("release.refused", reason=str(error))

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Until cancelled; links may come as soon as it has started."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            task_status.started()
            try:
                await self._watch()
            finally:
                self._nursery = None  # what comes after us is told to nobody

    async def _watch(self) -> None:
        while True:
            fetching = self._rollout.phase == "fetching"
            with trio.move_on_after(INTERVAL_S if fetching else float("inf")):
                await self._changed.wait()
            self._changed = trio.Event()
            self._perform(self._bulletin.tick(trio.current_time()))
            self._keep()
            await trio.sleep(INTERVAL_S)  # many reports, one write

    def linked(self, neighbour: Neighbour) -> None:
        """A link came into use."""
        self._perform(self._bulletin.linked(neighbour.id, trio.current_time()))

    def unlinked(self, neighbour: Neighbour) -> None:
        """A link has ended, and no other has taken its place."""
        self._bulletin.unlinked(neighbour.id)

    async def take(self, neighbour: Neighbour, message: ReleaseMessage) -> None:
        """One message.  What answers it is sent before the next one is read.

        Raises Untrusted or RemoteProtocolError for what only hostile neighbours send.
        """
        effects = self._bulletin.receive(neighbour.id, message, trio.current_time())
        answers = [e for e in effects if isinstance(e, Send) and e.to == neighbour.id]
        self._perform(effect for effect in effects if effect not in answers)
        self._note()
        for answer in answers:
            await neighbour.send(answer.message)

    async def publish(self, signed: bytes, content: bytes) -> None:
        """A release that the operator brought.  Raises Untrusted unless it is news."""
        self._perform(self._bulletin.publish(signed, content))
        self._note()
        await trio.lowlevel.checkpoint()

    def keeps_from(self, neighbour: Neighbour) -> bool:
        """Whether its model and ours should not mix: one of us is about to leave its own behind."""
        is_apart = self._bulletin.is_apart(neighbour.id, trio.current_time())
        return is_apart or self._leaving_s is not None

    def passes_over(self, neighbour: Neighbour) -> bool:
        """Whether its requests go unanswered for that; not so one that answers our own."""
        return self.keeps_from(neighbour) and not self._mixer.awaits(neighbour)

    @property
    def moves(self) -> bool:
        """Whether the model is about to jump."""
        return self._rollout.step(trio.current_time()) in ("adopt", "undo")

    async def attend(self) -> None:
        """Between two rounds: judge, adopt or undo, whatever is due."""
        if not self._rollout.number:
            return
        step = self._rollout.step(trio.current_time())
        if step == "judge":
            await self._judge()
        elif step is not None and self._is_quiet():
            self._leaving_s = None
            self._move(step == "adopt")
            self._rollout.note_done(step)
            self._keep()
            self._perform(self._bulletin.moved())
        self._note()

    async def _judge(self) -> None:
        release, model = self._rollout.release, self._rollout.model()
        assert release is not None
        try:
            after = await self._run_blocking(self._learner.evaluate, model)
            # Last, so that what a learner tunes when it judges suits what the mesh learns.
            average = self._mixer.replica.average.copy()
            before = await self._run_blocking(self._learner.evaluate, average)
        except TrainingFailed as error:
            self._observer.emit("evaluation.failed", error=str(error))
            return
        if self._rollout.release is not release or self._rollout.phase != "trying":
            return
        opinion = judge(before, after, release.tolerance)
        finding = self._rollout.note_judged(opinion, trio.current_time())
        if finding is not None:
            self._perform(self._bulletin.report(self._sign(finding)))

    def _is_quiet(self) -> bool:
        """No neighbour has applied an exchange that we have not, unless we waited too long."""
        now_s = trio.current_time()
        if self._leaving_s is None:
            self._leaving_s = now_s
        if now_s - self._leaving_s >= LEAVING_MAX_S:
            return True
        return not any(self._mixer.awaits(neighbour) for neighbour in self._mesh)

    def _move(self, forth: bool) -> None:
        """Let the release into the model, or take out what it had brought."""
        replica = self._mixer.replica
        if forth:
            model = self._rollout.model()
            assert model is not None
            self._leap = model - replica.parameters
            replica.leap(self._leap)
        else:
            replica.leap(-self._leap)
            self._leap = np.zeros(0, np.float32)
        # In one transaction with what `_keep` puts: nobody leaps twice.
        self._checkpoints.write_model()
        self._journal.put(Kept(LEAP, self._leap.astype("<f4").tobytes()))

    @property
    def in_use(self) -> Vector | None:
        """f32[d], what to predict with instead of what the mesh has learnt."""
        return self._rollout.in_use

    def status(self) -> dict[str, Any] | None:
        """What is known of the newest release; None when there is none."""
        rollout = self._rollout
        release = rollout.release
        if release is None:
            return None
        return {
            "number": release.number,
            "phase": rollout.phase,
            "withdraws": release.withdraws or None,
            "adopted": rollout.adopted or None,
            "slice": rollout.slice + 1 if release.stages else None,
            "used": rollout.in_use is not None or rollout.phase == "adopted",
            "bytes": release.size,
            "fetched_bytes": len(rollout.content.encode()),
            "judge_s": release.judge_s,
            "stages": [self._stage(number) for number in range(len(release.stages))],
        }

    def _stage(self, number: int) -> dict[str, Any]:
        rollout = self._rollout
        assert rollout.release is not None
        stage, reports = rollout.release.stages[number], rollout.ledger.of_stage(number)
        changes = sorted(report.finding.change for report in reports)
        return {
            "quorum": stage.quorum,
            "alarm": stage.alarm,
            "reports": len(reports),
            "worse": sorted(each.name for each in reports if each.finding.worse),
            "median_change": changes[len(changes) // 2] / 1000 if changes else None,
            "passed": len(reports) >= stage.quorum and not rollout.ledger.failed,
        }

    def _where(self) -> tuple[int, str, int]:
        rollout = self._rollout
        stage = rollout.ledger.stage if rollout.release else 0
        return rollout.number, rollout.phase, stage

    def _note(self) -> None:
        """Report what is new, and see that it is kept."""
        if not self._rollout.number:
            return
        self._changed.set()
        found, told = self._where(), self._told
        if found == told:
            return
        self._told, (number, phase, stage) = found, found
        if (number, phase) != told[:2]:
            self._keep()
            self._observer.emit(f"release.{phase.replace('-', '_')}", release=number)
        if number == told[0] and stage > told[2] and phase != "rolled-back":
            self._observer.emit("release.stage_passed", release=number, stage=stage)

    def _keep(self) -> None:
        """Write what has changed."""
        known, model = self._rollout.snapshot(), self._rollout.content_bytes()
        if model != self._kept_model:
            self._kept_model = model
            self._journal.put(Kept(MODEL, model))
        if known != self._kept:
            self._kept = known
            self._journal.put(Kept(KNOWN, known))

    def _perform(self, effects: Iterable[Effect]) -> None:
        """What is wanted, beside all else, since a slow peer may hold nobody up."""
        for effect in effects:
            neighbour = self._mesh.find(effect.to if isinstance(effect, Send) else effect.by)
            if neighbour is None or self._nursery is None:
                continue
            if isinstance(effect, Send):
                self._nursery.start_soon(_send, neighbour, effect)
            else:
                self._observer.emit("release.refused", peer=neighbour.name, reason=effect.reason)


async def _send(neighbour: Neighbour, effect: Send) -> None:
    try:
        await neighbour.send(effect.message)
    except PeerError as error:
        neighbour.end(str(error))  # a new link begins with what it lacks


def _floats(raw: bytes) -> Vector:
    return np.frombuffer(raw, "<f4").astype(np.float32)
