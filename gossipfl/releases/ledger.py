"""All that is known of how a release fares: one report an author, and what follows from them.

The set only grows, and a report of worse never gives way to a better one.  So a stage that has
failed stays failed whatever comes later, and nodes that hold the same reports decide alike, in
whatever order they heard them.
"""

from collections.abc import Iterator
from typing import Final, Literal

from gossipfl.errors import Untrusted
from gossipfl.membership.records import Id
from gossipfl.releases.release import Release
from gossipfl.releases.reports import Report
from gossipfl.releases.slices import JUDGES_MAX, place_of, slice_of

Verdict = Literal["open", "passed", "failed"]
# Devices that the operator admitted later may have places among the judges too.
AUTHORS_MAX: Final = 2 * JUDGES_MAX


class Ledger:
    """Of one release.

    failed: whether any slice found it worse: then it ends for everybody.
    """

    def __init__(self, release: Release) -> None:
        self.release = release
        self._id = release.id
        self._reports: dict[Id, Report] = {}
        self._digests: set[bytes] = set()
        # Of each stage, counted along, since meshes ask for each report that comes.
        self._heard, self._worse = ([0] * len(release.stages) for _ in range(2))
        self.failed = False

    def __iter__(self) -> Iterator[Report]:
        """Reports by author."""
        return iter([self._reports[author] for author in sorted(self._reports)])

    def add(self, report: Report) -> bool:
        """Whether it was news.

        Raises Untrusted when it is about another release, or when its author is no judge.
        """
        self._check(report)
        held = self._reports.get(report.author)
        if held is not None and not (report.finding.worse and not held.finding.worse):
            return False
        stage = report.finding.stage
        if held is None and self._heard[stage] >= AUTHORS_MAX:
            return False
        self._heard[stage] += held is None
        self._worse[stage] += report.finding.worse
        self._reports[report.author] = report
        self._digests.add(report.digest)
        self.failed |= self._worse[stage] >= self.release.stages[stage].alarm
        return True

    def knows(self, digest: bytes) -> bool:
        """Whether the report with this digest was ever taken."""
        return digest in self._digests

    def of_stage(self, stage: int) -> list[Report]:
        """The reports of one slice."""
        return [each for each in self._reports.values() if each.finding.stage == stage]

    @property
    def stage(self) -> int:
        """The first stage that has not passed; as many as there are when all have."""
        for number, stage in enumerate(self.release.stages):
            if self._heard[number] < stage.quorum:
                return number
        return len(self.release.stages)

    @property
    def verdict(self) -> Verdict:
        """On the whole release."""
        if self.failed:
            return "failed"
        return "passed" if self.stage == len(self.release.stages) else "open"

    def _check(self, report: Report) -> None:
        release, finding = self.release, report.finding
        if finding.release != self._id:
            raise Untrusted(f"a report of {report.name} about another release")
        place = place_of(release.salt, report.author)
        if slice_of(release.stages, place) != finding.stage or not is_judge(release, place):
            raise Untrusted(f"a report of {report.name}, who is no judge of stage {finding.stage}")


def is_judge(release: Release, place: int) -> bool:
    """Whether the node at this place reports what it finds."""
    return place < release.stages[slice_of(release.stages, place)].judges
