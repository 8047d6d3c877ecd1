"""Releases of one subject in a node: the core decides, this file keeps, sends and tells."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar, Final, Generic, TypeVar

import trio
from attrs import frozen

from gossipfl.errors import PeerError, Untrusted
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
from gossipfl.releases.bounds import Bounds
from gossipfl.releases.bulletin import Bulletin, Effect, ReleaseMessage
from gossipfl.releases.judging import Opinion
from gossipfl.releases.rollout import Rollout, Step

T = TypeVar("T")
INTERVAL_S: Final = 1.0


@frozen(eq=False)
class Services:
    """What a track needs of its node."""

    membership: Membership
    mesh: Mesh
    mixer: Mixer
    learner: Learner
    checkpoints: Checkpoints
    journal: Journal
    around: Surroundings
    saved: Saved


class Track(ABC, Generic[T]):
    """What the node's services tell the core of one subject, and what it wants done in return.

    subject: begins the names of its events, and of what it keeps in the store.
    """

    subject: ClassVar[str]

    def __init__(self, bounds: Bounds[T], services: Services) -> None:
        self._mesh = services.mesh
        self._journal = services.journal
        self._observer = services.around.observer
        self._sign = services.membership.sign_report
        self._rollout = Rollout(id_of(services.membership.certificate.public_key), bounds)
        self._recall(services.membership, services.saved)
        self._bulletin = Bulletin(
            self._rollout,
            services.membership.read_release,
            services.membership.read_report,
            services.mixer.affords,
            services.around.rng,
        )
        self._told = self._where()
        self._kept = self._rollout.snapshot()
        self._kept_content = self._rollout.content_bytes()
        self._changed = trio.Event()
        self._nursery: trio.Nursery | None = None

    def _recall(self, membership: Membership, saved: Saved) -> None:
        known = saved.kept.get(self.subject, ())
        content = saved.kept.get(f"{self.subject}-model", b"")
        read = membership.read_release, membership.read_report
        try:
            self._rollout.restore(known, content, *read)
        except Untrusted as error:
            self._observer.emit(f"{self.subject}.refused", reason=str(error))

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

    async def attend(self) -> None:
        """Between two rounds: try, judge, adopt or undo, whatever is due."""
        if not self._rollout.number:
            return
        step = self._rollout.step(trio.current_time())
        if step == "try":
            await self._try()
        elif step == "judge":
            await self._judge()
        elif step is not None and self._is_quiet():
            self._move(step)
            self._keep()
            self._perform(self._bulletin.moved())
        self._note()

    @abstractmethod
    async def _try(self) -> None:
        """Go on with what it takes to judge later."""

    @abstractmethod
    async def _judge(self) -> None:
        """Ask the rows held back, and `_report` what they say."""

    @abstractmethod
    def _is_quiet(self) -> bool:
        """Whether this is the moment to adopt or undo."""

    @abstractmethod
    def _move(self, step: Step) -> None:
        """Adopt or undo, and note it; what of it is queued to be written survives as one."""

    def _report(self, opinion: Opinion | None) -> None:
        finding = self._rollout.note_judged(opinion, trio.current_time())
        if finding is not None:
            self._perform(self._bulletin.report(self._sign(finding)))

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
            self._observer.emit(f"{self.subject}.{phase.replace('-', '_')}", release=number)
        if number == told[0] and stage > told[2] and phase != "rolled-back":
            self._observer.emit(f"{self.subject}.stage_passed", release=number, stage=stage)

    def _keep(self) -> None:
        """Write what has changed."""
        known, content = self._rollout.snapshot(), self._rollout.content_bytes()
        if content != self._kept_content:
            self._kept_content = content
            self._journal.put(Kept(f"{self.subject}-model", content))
        if known != self._kept:
            self._kept = known
            self._journal.put(Kept(self.subject, known))

    def _perform(self, effects: Iterable[Effect]) -> None:
        """What is wanted, beside all else, since a slow peer may hold nobody up."""
        for effect in effects:
            neighbour = self._mesh.find(effect.to if isinstance(effect, Send) else effect.by)
            if neighbour is None or self._nursery is None:
                continue
            if isinstance(effect, Send):
                self._nursery.start_soon(_send, neighbour, effect)
            else:
                self._observer.emit(
                    f"{self.subject}.refused", peer=neighbour.name, reason=effect.reason
                )


async def _send(neighbour: Neighbour, effect: Send) -> None:
    try:
        await neighbour.send(effect.message)
    except PeerError as error:
        neighbour.end(str(error))  # a new link begins with what it lacks
