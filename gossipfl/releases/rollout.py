"""One node's part in a release: to hold it, to try it when its slice opens, to judge, to adopt.

What a node should do follows from what it holds, so a restart or a late report changes nothing but
when.  While a release is tried it serves predictions beside the mesh and takes no part in gossip:
neighbours outside the slice get nothing of it.  It is let in once every slice has passed it, in
all nodes; and taken out again should a slice fail after that.
"""

import contextlib
from collections.abc import Callable
from typing import Any, Generic, Literal, TypeVar

from gossipfl.errors import Untrusted
from gossipfl.membership.records import Id
from gossipfl.releases.bounds import Bounds
from gossipfl.releases.content import Content
from gossipfl.releases.judging import Opinion
from gossipfl.releases.ledger import Ledger, is_judge
from gossipfl.releases.release import Release
from gossipfl.releases.reports import THOUSAND, Finding, Report
from gossipfl.releases.slices import place_of, slice_of

T = TypeVar("T")
Step = Literal["try", "judge", "adopt", "undo"]
Phase = Literal[
    "none", "fetching", "unusable", "waiting", "trying", "judged", "passed", "adopted",
    "rolled-back", "withdrawn",
]  # fmt: skip


class Rollout(Generic[T]):
    """Of the newest release that a node knows of one subject.

    signed: it, to pass on; content: what we hold of its model; ledger: all reports.
    adopted: number of the release that was last let into the model and not taken out; or 0.
    """

    def __init__(self, own: Id, bounds: Bounds[T]) -> None:
        self._own = own
        self._bounds = bounds
        self.release: Release | None = None
        self.signed = b""
        self.adopted = 0
        self.opinion: Opinion | None = None
        self._since_s: float | None = None
        self._looked = False
        self._is_final = False

    def take(self, signed: bytes, release: Release, content: bytes = b"") -> bool:
        """A release from outside; whether it is newer than ours, in whose place it is then.

        Raises Untrusted when it does not suit our model.
        """
        self._bounds.check(release)
        if release.number <= self.number:
            return False
        self.release, self.signed = release, signed
        self.ledger, self.content = Ledger(release), Content(release, content)
        self.opinion, self._since_s = None, None
        self._looked = self._is_final = False
        return True

    @property
    def number(self) -> int:
        """Of our release; 0 when we know none."""
        return self.release.number if self.release else 0

    @property
    def phase(self) -> Phase:
        """Where we stand."""
        release = self.release
        if release is None:
            return "none"
        if release.withdraws:
            return "withdrawn"
        if self.ledger.failed:
            return "rolled-back"
        if self.adopted == release.number:
            return "adopted"
        if not self.content.is_whole:
            return "fetching"
        if self.brought() is None:
            return "unusable"
        if self.ledger.verdict == "passed":
            return "passed"
        if self.ledger.stage < self.slice:
            return "waiting"
        return "judged" if self._is_final else "trying"

    @property
    def slice(self) -> int:
        """The number of our stage."""
        assert self.release is not None
        return slice_of(self.release.stages, self._place)

    def brought(self) -> T | None:
        """What the release brings; None when we lack it, or there is nothing."""
        if self.release is None or self.release.withdraws:
            return None
        return self._bounds.read(self.release, self.content)

    def content_bytes(self) -> bytes:
        """The release's model as bytes, once it is whole."""
        return self.content.encode() if self.release and self.content.is_whole else b""

    @property
    def in_use(self) -> T | None:
        """What to use instead of what the mesh has learnt: a release that we try."""
        tried = self.phase in ("trying", "judged") and self._looked
        return self.brought() if tried and not (self.opinion and self.opinion.worse) else None

    def step(self, now_s: float) -> Step | None:
        """What is due: "judge" (answer with `note_judged`), "adopt" or "undo" (`note_done`).

        "try": go on with what it takes to judge it later.
        """
        phase = self.phase
        if self.adopted and self._is_over(phase):
            return "undo"
        if phase == "passed":
            return "adopt"
        if phase != "trying":
            return None
        assert self.release is not None
        if self._since_s is None:
            self._since_s = now_s
        if now_s - self._since_s >= self.release.judge_s:
            return "judge"
        if self._bounds.takes_time:
            return "try" if self.is_judge else None
        return None if self._looked else "judge"

    @property
    def is_judge(self) -> bool:
        """Whether others are told what we find."""
        return self.release is not None and is_judge(self.release, self._place)

    @property
    def subject(self) -> int:
        """What all its releases are about."""
        return self._bounds.subject

    def _is_over(self, phase: Phase) -> bool:
        assert self.release is not None
        ended = self.release.withdraws if phase == "withdrawn" else self.release.number
        return phase in ("withdrawn", "rolled-back") and self.adopted == ended

    def note_judged(self, opinion: Opinion | None, now_s: float) -> Finding | None:
        """What our held-back rows say, None without such; what to tell others, if anything.

        The worse is told at once, the better when the release was tried for long enough.
        """
        assert self.release is not None
        assert self._since_s is not None
        self._looked, self.opinion = True, opinion
        is_worse = opinion is not None and opinion.worse
        self._is_final = is_worse or now_s - self._since_s >= self.release.judge_s
        if not self._is_final or opinion is None or not self.is_judge:
            return None
        change = round(opinion.change * THOUSAND)
        return Finding(self.release.id, self.slice, opinion.worse, change)

    def note_done(self, step: Step) -> None:
        """We have adopted our release, or undone the one that we had adopted."""
        self.adopted = self.number if step == "adopt" else 0

    @property
    def _place(self) -> int:
        assert self.release is not None
        return place_of(self.release.salt, self._own)

    def snapshot(self) -> tuple[Any, ...]:
        """What to keep over restarts beside the model's bytes: for msgpack."""
        if self.release is None:
            return ()
        reports = tuple(report.signed for report in self.ledger)
        opinion = (self.opinion.worse, self.opinion.change) if self.opinion else ()
        return self.signed, reports, self.ledger.failed, self.adopted, self._is_final, opinion

    def restore(
        self,
        kept: tuple[Any, ...],
        content: bytes,
        read_release: Callable[[bytes], Release],
        read_report: Callable[[bytes], Report],
    ) -> None:
        """Go on where `snapshot` was taken; a trial that was not over begins anew.

        Raises Untrusted when the release would not be taken now.
        """
        if not kept:
            return
        signed, reports, failed, self.adopted, is_final, opinion = kept
        self.take(signed, read_release(signed), content)
        self.ledger.failed = failed
        for report in reports:
            with contextlib.suppress(Untrusted):  # its author was shut out meanwhile
                self.ledger.add(read_report(report))
        if is_final:
            self._looked = self._is_final = True
            self.opinion = Opinion(*opinion) if opinion else None
