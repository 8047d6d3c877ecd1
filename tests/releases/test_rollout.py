"""A node's part in a release: what follows from what it holds."""

import attrs
import numpy as np
import pytest

from gossipfl.errors import Untrusted
from gossipfl.learning.learner import Evaluation
from gossipfl.releases.bounds import ModelBounds
from gossipfl.releases.judging import Opinion, judge
from gossipfl.releases.release import open_release
from gossipfl.releases.reports import Finding
from gossipfl.releases.rollout import Rollout
from gossipfl.releases.slices import place_of, slice_of
from tests.releases.members import MANIFEST_ID, PARAMETERS, Cluster, Scribe

CLUSTER = Cluster(10)
RELEASE, SIGNED, CONTENT = CLUSTER.release()
BOUNDS = ModelBounds(MANIFEST_ID, PARAMETERS)
BETTER, WORSE = Opinion(False, 0.1), Opinion(True, -0.5)


def slice_number(scribe: Scribe) -> int:
    return slice_of(RELEASE.stages, place_of(RELEASE.salt, scribe.id))


FIRST = [scribe for scribe in CLUSTER.scribes if slice_number(scribe) == 0]
SECOND = [scribe for scribe in CLUSTER.scribes if slice_number(scribe) == 1]


def rollout_of(scribe: Scribe, *, whole: bool = True) -> Rollout:
    rollout = Rollout(scribe.id, BOUNDS)
    assert rollout.take(SIGNED, RELEASE, CONTENT if whole else b"")
    return rollout


def hear(rollout: Rollout, scribes: list[Scribe], *, worse: bool = False) -> None:
    for scribe in scribes:
        finding = Finding(RELEASE.id, slice_number(scribe), worse, 0)
        rollout.ledger.add(CLUSTER.read_report(scribe.sign(finding)))


def test_nothing_is_due_without_a_release() -> None:
    rollout = Rollout(FIRST[0].id, BOUNDS)
    assert (rollout.phase, rollout.step(0), rollout.in_use, rollout.number) == (
        "none",
        None,
        None,
        0,
    )


def test_the_first_slice_tries_judges_and_reports() -> None:
    rollout = rollout_of(FIRST[0])
    assert rollout.step(100) == "judge"
    assert rollout.in_use is None
    assert rollout.note_judged(BETTER, 100) is None
    assert rollout.in_use is not None
    assert rollout.step(109) is None
    assert rollout.step(110) == "judge"
    finding = rollout.note_judged(BETTER, 110)
    assert finding == Finding(RELEASE.id, 0, False, 100)
    assert rollout.phase == "judged"
    assert rollout.step(200) is None
    assert rollout.in_use is not None


def test_what_is_worse_is_told_at_once_and_not_used() -> None:
    rollout = rollout_of(FIRST[0])
    rollout.step(100)
    finding = rollout.note_judged(WORSE, 100)
    assert finding is not None
    assert finding.worse
    assert (rollout.in_use, rollout.phase) == (None, "judged")


def test_without_rows_a_release_is_used_and_nothing_said() -> None:
    rollout = rollout_of(FIRST[0])
    rollout.step(0)
    assert rollout.note_judged(None, 0) is None
    assert rollout.in_use is not None
    assert rollout.note_judged(None, 10) is None
    assert rollout.phase == "judged"


def test_later_slices_wait_for_earlier_ones() -> None:
    rollout = rollout_of(SECOND[0])
    assert (rollout.phase, rollout.step(0)) == ("waiting", None)
    hear(rollout, FIRST[:1])
    assert rollout.step(50) == "judge"


def test_nobody_uses_what_it_has_not_whole() -> None:
    rollout = rollout_of(FIRST[0], whole=False)
    assert (rollout.phase, rollout.step(0), rollout.in_use) == ("fetching", None, None)


def test_all_adopt_when_every_slice_has_passed_and_undo_what_fails_then() -> None:
    rollout = rollout_of(SECOND[0])
    hear(rollout, FIRST[:1])
    hear(rollout, SECOND[:4])
    assert (rollout.phase, rollout.step(0)) == ("passed", "adopt")
    rollout.note_done("adopt")
    assert (rollout.phase, rollout.step(0), rollout.in_use) == ("adopted", None, None)
    hear(rollout, SECOND[4:7], worse=True)
    assert (rollout.phase, rollout.step(0)) == ("rolled-back", "undo")
    rollout.note_done("undo")
    assert (rollout.adopted, rollout.step(0)) == (0, None)


def test_a_failure_ends_it_for_all_and_it_never_comes_back() -> None:
    rollout = rollout_of(SECOND[0])
    hear(rollout, FIRST[:1], worse=True)
    hear(rollout, FIRST[1:], worse=True)
    assert (rollout.phase, rollout.step(0)) == ("rolled-back", None)
    assert not rollout.take(SIGNED, RELEASE, CONTENT)
    assert rollout.phase == "rolled-back"


@pytest.mark.parametrize(("withdraws", "due"), [(1, "undo"), (2, None)])
def test_a_withdrawal_undoes_the_release_that_it_names(withdraws: int, due: str | None) -> None:
    rollout = rollout_of(FIRST[0])
    hear(rollout, FIRST)
    hear(rollout, SECOND)
    rollout.note_done("adopt")
    withdrawal, signed = CLUSTER.withdrawal(3, withdraws)
    assert rollout.take(signed, withdrawal)
    assert (rollout.phase, rollout.step(0)) == ("withdrawn", due)


def test_a_newer_release_takes_the_place_of_an_older_one_and_not_the_reverse() -> None:
    rollout = rollout_of(FIRST[0])
    newer, signed, content = CLUSTER.release(number=2, model=2.0)
    assert rollout.take(signed, newer, content)
    assert not rollout.take(SIGNED, RELEASE, CONTENT)
    model = rollout.brought()
    assert model is not None
    assert (model == 2).all()


def test_releases_for_others_are_refused() -> None:
    rollout = Rollout(FIRST[0].id, attrs.evolve(BOUNDS, parameters=PARAMETERS - 1))
    with pytest.raises(Untrusted, match="another size"):
        rollout.take(SIGNED, RELEASE, CONTENT)
    rollout = Rollout(FIRST[0].id, attrs.evolve(BOUNDS, manifest_id=bytes(16)))
    with pytest.raises(Untrusted, match="another manifest"):
        rollout.take(SIGNED, RELEASE, CONTENT)


@pytest.mark.parametrize("worse", [True, False])
def test_a_restart_changes_nothing(worse: bool) -> None:
    rollout = rollout_of(FIRST[0])
    rollout.step(0)
    rollout.note_judged(WORSE if worse else BETTER, 0)
    if not worse:
        rollout.note_judged(BETTER, 10)
    hear(rollout, FIRST, worse=worse)
    hear(rollout, SECOND, worse=False)
    again = restarted(rollout)
    for one in (rollout, again):
        assert one.phase == ("rolled-back" if worse else "passed")
    assert again.snapshot() == rollout.snapshot()
    assert again.opinion == rollout.opinion


def restarted(rollout: Rollout) -> Rollout:
    again = Rollout(FIRST[0].id, BOUNDS)
    again.restore(
        rollout.snapshot(),
        rollout.content.encode(),
        lambda blob: open_release(blob, CLUSTER.authority.public),
        CLUSTER.read_report,
    )
    return again


def test_a_failure_outlives_those_who_told_of_it() -> None:
    rollout = rollout_of(FIRST[0])
    hear(rollout, FIRST, worse=True)
    again = Rollout(FIRST[0].id, BOUNDS)

    def revoked(blob: bytes) -> None:
        raise Untrusted("revoked")

    read = lambda blob: open_release(blob, CLUSTER.authority.public)  # noqa: E731
    again.restore(rollout.snapshot(), b"", read, revoked)
    assert again.phase == "rolled-back"


def evaluation(accuracy: float | None, loss: float = 1.0, samples: int = 10) -> Evaluation:
    return Evaluation(loss=loss, accuracy=accuracy, error=None, samples=samples)


@pytest.mark.parametrize(
    ("before", "after", "worse"),
    [
        (evaluation(0.9, samples=1000), evaluation(0.86, samples=1000), False),
        (evaluation(0.9, samples=1000), evaluation(0.83, samples=1000), True),
        (evaluation(0.9, samples=16), evaluation(0.83, samples=16), False),  # one row
        (evaluation(0.9, samples=16), evaluation(0.6, samples=16), True),
        (evaluation(0.9, 1.0), evaluation(0.95, 9.0), False),
        (evaluation(None, 1.0), evaluation(None, 1.04), False),
        (evaluation(None, 1.0), evaluation(None, 1.06), True),
        (evaluation(None, 0.0), evaluation(None, 0.0), False),
        (evaluation(None, 0.0), evaluation(None, 1.0), True),
        (evaluation(None, np.inf), evaluation(None, 1.0), False),
        (evaluation(0.1), evaluation(0.9, np.nan), True),
        (evaluation(None, 1.0), evaluation(None, np.inf), True),
    ],
)
def test_judging(before: Evaluation, after: Evaluation, worse: bool) -> None:
    opinion = judge(before, after, tolerance=50)
    assert opinion is not None
    assert opinion.worse == worse
    assert -1 <= opinion.change <= 1


def test_nothing_held_back_nothing_to_judge() -> None:
    assert judge(evaluation(None, 0, 0), evaluation(None, 0, 0), 0) is None
