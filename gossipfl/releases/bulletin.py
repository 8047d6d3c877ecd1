"""How releases spread: what each neighbour knows, what it is told, and whom to ask for parts.

Neighbours compare the number of the newest release and the digests of reports when a link begins;
after that each release and each report crosses a link once.  The model is fetched in parts from a
neighbour that has it whole, and every part is checked against the hash that the operator signed.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

import attrs
import numpy as np
from attrs import Factory, define, frozen

from gossipfl.errors import RemoteProtocolError, Untrusted
from gossipfl.membership.effects import Send
from gossipfl.membership.ration import Ration
from gossipfl.membership.records import Id
from gossipfl.releases.content import Content
from gossipfl.releases.fetch import Fetch
from gossipfl.releases.ledger import Ledger
from gossipfl.releases.release import Release
from gossipfl.releases.reports import Report, digest_of
from gossipfl.releases.rollout import Rollout
from gossipfl.wire.releases import (
    DIGESTS_MAX,
    REPORTS_MAX,
    KnownRelease,
    PartsWanted,
    ReleasePart,
    ReleaseUpdate,
)

# Of one link: reports to verify in a minute, refusals before it ends, copies of each part.
VERIFIED_MAX: Final = 512
MINUTE_S: Final = 60.0
REFUSALS_MAX: Final = 16
COPIES_MAX: Final = 4
# For so long those who have adopted a release and those who have not exchange no models.
APART_MAX_S: Final = 900.0

ReleaseMessage = KnownRelease | ReleaseUpdate | PartsWanted | ReleasePart


@frozen
class Refused:
    """A neighbour told what we do not take, and why."""

    by: Id
    reason: str


Effect = Send | Refused


@define
class Peer:
    """What a neighbour knows of the release with this number, as far as we can tell.

    number: None until it or we have told; whole: it has all of the model.
    adopted: what its model goes on from; apart_s: since when that is not what ours does.
    known: digests of its reports; served: parts that we have sent it.
    """

    verified: Ration
    number: int | None = None
    whole: bool = False
    adopted: int = 0
    apart_s: float | None = None
    known: set[bytes] = Factory(set)
    served: int = 0
    refused: int = 0

    def note(self, number: int) -> None:
        """It holds this release now."""
        if number != self.number:
            self.number, self.whole, self.known, self.served = number, False, set(), 0

    def note_known(self, digests: Iterable[bytes], ours: Ledger) -> None:
        """It holds these reports; what we do not hold ourselves we would not send."""
        self.known.update(digests)
        if len(self.known) > DIGESTS_MAX:
            self.known.intersection_update(report.digest for report in ours)


class Bulletin:
    """Of one node."""

    def __init__(
        self,
        rollout: Rollout[Any],
        read_release: Callable[[bytes], Release],
        read_report: Callable[[bytes], Report],
        affords: Callable[[int], bool],
        rng: np.random.Generator,
    ) -> None:
        """affords: whether so many bytes may be sent for others' sake.

        read_release, read_report: both raise Untrusted.
        """
        self._rollout = rollout
        self._read_release = read_release
        self._read_report = read_report
        self._affords = affords
        self._peers: dict[Id, Peer] = {}
        self._fetch = Fetch(rng)

    def linked(self, peer: Id, now_s: float) -> list[Effect]:
        """A link came into use."""
        self._peers[peer] = Peer(Ration(VERIFIED_MAX, MINUTE_S, now_s))
        return [Send(peer, self._known())] if self._rollout.number else []

    def unlinked(self, peer: Id) -> None:
        """It has ended."""
        self._peers.pop(peer, None)
        self._fetch.forget(peer)

    def receive(self, peer: Id, message: ReleaseMessage, now_s: float) -> list[Effect]:
        """One message from a neighbour.

        Raises RemoteProtocolError for what only a faulty or hostile neighbour sends, and
        Untrusted for a release that the authority did not sign.
        """
        match message:
            case KnownRelease():
                return self._on_known(peer, message, now_s)
            case ReleaseUpdate():
                return self._on_update(peer, message, now_s)
            case PartsWanted():
                return self._on_wanted(peer, message)
            case ReleasePart():
                return self._on_part(peer, message, now_s)

    def publish(self, signed: bytes, content: bytes) -> list[Effect]:
        """A release that the operator brought, and its whole model.

        Raises Untrusted unless it is newer than ours and complete.
        """
        release = self._read_release(signed)
        if not Content(release, content).is_whole:
            raise Untrusted(f"release {release.number} lacks its model: publish it anew")
        if not self._rollout.take(signed, release, content):
            if signed == self._rollout.signed:
                return []
            raise Untrusted(
                f"release {release.number} is not newer than ours, {self._rollout.number}"
            )
        return self._told_all(None)

    def report(self, signed: bytes) -> list[Effect]:
        """Our own, as we have just signed it."""
        report = self._read_report(signed)
        return self._spread([report] if self._rollout.ledger.add(report) else [])

    def moved(self) -> list[Effect]:
        """Our model goes on from another release now, which neighbours have to know first."""
        return [Send(peer, self._brief()) for peer in self._peers]

    def is_apart(self, peer: Id, now_s: float) -> bool:
        """Whether a neighbour's model and ours go on from different releases, and should not mix.

        A node that is about to jump would bring its old model into the others', and lose what they
        give.  Not for ever: it may have no way to get the release.
        """
        told = self._peers.get(peer)
        if told is None or told.adopted == self._rollout.adopted:
            return False
        if told.apart_s is None:
            told.apart_s = now_s
        return now_s - told.apart_s < APART_MAX_S

    def tick(self, now_s: float) -> list[Effect]:
        """Ask again for parts that did not come; to be called every few seconds."""
        return self._ask(now_s)

    def _known(self) -> KnownRelease:
        rollout = self._rollout
        if rollout.release is None:
            return KnownRelease(0, False, 0, (), rollout.subject)
        digests = tuple(report.digest for report in rollout.ledger)
        return attrs.evolve(self._brief(), digests=digests)

    def _brief(self) -> KnownRelease:
        rollout = self._rollout
        whole = rollout.content.is_whole
        return KnownRelease(rollout.number, whole, rollout.adopted, (), rollout.subject)

    def _on_known(self, peer: Id, message: KnownRelease, now_s: float) -> list[Effect]:
        ours, told = self._rollout.number, self._peers[peer]
        told.note(message.number)
        if message.adopted != told.adopted:
            told.adopted, told.apart_s = message.adopted, None
        if message.number > ours:
            return [Send(peer, self._known())]
        if message.number < ours:
            return self._told(peer)
        told.whole |= message.whole
        told.note_known(message.digests, self._rollout.ledger)
        return [*self._tell(peer, self._rollout.ledger), *self._ask(now_s)]

    def _on_update(self, peer: Id, message: ReleaseUpdate, now_s: float) -> list[Effect]:
        effects: list[Effect] = []
        if message.signed and message.signed != self._rollout.signed:
            release = self._read_release(message.signed)
            if not self._rollout.take(message.signed, release):
                return self._refuse(peer, f"release {release.number} again, older than ours")
            self._peers[peer].note(release.number)
            effects += self._told_all(peer)
            effects.append(Send(peer, self._known()))
        if message.number == self._rollout.number:
            effects += self._take_reports(peer, message.reports, now_s)
        return effects

    def _take_reports(self, peer: Id, reports: tuple[bytes, ...], now_s: float) -> list[Effect]:
        told, ledger = self._peers[peer], self._rollout.ledger
        effects, news = list[Effect](), list[Report]()
        for blob in reports:
            digest = digest_of(blob)
            told.note_known([digest], ledger)
            if ledger.knows(digest):
                continue
            if not told.verified.take(1, now_s):
                break
            try:
                report = self._read_report(blob)
                if ledger.add(report):
                    news.append(report)
            except Untrusted as error:
                effects += self._refuse(peer, str(error))
        return effects + self._spread(news)

    def _refuse(self, peer: Id, reason: str) -> list[Effect]:
        told = self._peers[peer]
        told.refused += 1
        if told.refused > REFUSALS_MAX:
            raise RemoteProtocolError(f"told false things of releases, {reason} the last")
        return [Refused(peer, reason)]

    def _told_all(self, but: Id | None) -> list[Effect]:
        self._fetch.forget()
        return [effect for peer in self._peers if peer != but for effect in self._told(peer)]

    def _told(self, peer: Id) -> list[Effect]:
        """Our release, and all that we know of it."""
        rollout = self._rollout
        self._peers[peer].note(rollout.number)
        effects: list[Effect] = [Send(peer, self._update(rollout.signed, ()))]
        if rollout.content.is_whole:
            effects.append(Send(peer, self._brief()))
        return effects + self._tell(peer, self._rollout.ledger)

    def _spread(self, news: Iterable[Report]) -> list[Effect]:
        return [effect for peer in self._companions() for effect in self._tell(peer, news)]

    def _companions(self) -> list[Id]:
        """Neighbours that know our release."""
        ours = self._rollout.number
        return [peer for peer, told in self._peers.items() if told.number == ours]

    def _tell(self, peer: Id, news: Iterable[Report]) -> list[Effect]:
        """Those of these reports that it lacks."""
        told = self._peers[peer]
        reports = [report for report in news if report.digest not in told.known]
        told.known.update(report.digest for report in reports)
        batches = (reports[i : i + REPORTS_MAX] for i in range(0, len(reports), REPORTS_MAX))
        return [
            Send(peer, self._update(b"", tuple(report.signed for report in batch)))
            for batch in batches
        ]

    def _update(self, signed: bytes, reports: tuple[bytes, ...]) -> ReleaseUpdate:
        return ReleaseUpdate(self._rollout.number, signed, reports, self._rollout.subject)

    def _ask(self, now_s: float) -> list[Effect]:
        rollout = self._rollout
        if rollout.release is None or rollout.content.is_whole:
            return []
        holders = [peer for peer in self._companions() if self._peers[peer].whole]
        return [*self._fetch.ask(rollout.number, rollout.content.wanted(), holders, now_s)]

    def _on_wanted(self, peer: Id, message: PartsWanted) -> list[Effect]:
        rollout, told, effects = self._rollout, self._peers[peer], list[Effect]()
        if message.number != rollout.number or rollout.release is None:
            return []
        for index in message.indices:
            part = rollout.content.part(index)
            enough = told.served >= COPIES_MAX * len(rollout.release.parts)
            if part is None or enough or not self._affords(len(part)):
                break
            told.served += 1
            effects.append(Send(peer, ReleasePart(message.number, index, part)))
        return effects

    def _on_part(self, peer: Id, message: ReleasePart, now_s: float) -> list[Effect]:
        rollout = self._rollout
        if message.number != rollout.number or rollout.content.is_whole:
            return []
        if not rollout.content.add(message.index, message.body):
            raise RemoteProtocolError("a part of a release that the operator did not sign")
        self._fetch.came(peer)
        return self._ask(now_s) if rollout.content.wanted() else self._tell_whole()

    def _tell_whole(self) -> list[Effect]:
        return [Send(peer, self._brief()) for peer in self._companions()]
