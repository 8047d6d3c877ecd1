"""Equal reports, equal verdicts; what has failed stays failed."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.errors import Untrusted
from gossipfl.releases.ledger import Ledger
from gossipfl.releases.reports import Finding, Report
from gossipfl.releases.slices import place_of, slice_of
from tests.releases.members import Cluster

CLUSTER = Cluster(20)
RELEASE, _, _ = CLUSTER.release(shares=(0.2, 0.5, 1.0))


def report(number: int, *, worse: bool, copy: int = 0) -> Report:
    """By a member, on its own slice, without the pains of signing."""
    author = CLUSTER.scribes[number].id
    stage = slice_of(RELEASE.stages, place_of(RELEASE.salt, author))
    finding = Finding(RELEASE.id, stage, worse, 0)
    return Report(author, f"node-{number}", finding, bytes([number, worse, copy]))


reports = st.builds(
    lambda number, worse, copy: report(number, worse=worse, copy=copy),
    st.integers(0, 19),
    st.booleans(),
    st.integers(0, 1),
)


@given(st.lists(reports), st.randoms(use_true_random=False))
def test_order_does_not_count(reports, random) -> None:
    one, other = Ledger(RELEASE), Ledger(RELEASE)
    for each in reports:
        one.add(each)
    random.shuffle(reports)
    for each in reports:
        other.add(each)
    assert one.verdict == other.verdict
    assert one.stage == other.stage


@given(st.lists(reports))
def test_a_failure_is_for_ever_and_twice_told_is_once(reports) -> None:
    ledger, failed = Ledger(RELEASE), False
    for each in reports:
        ledger.add(each)
        assert not ledger.add(each)
        assert ledger.failed >= failed
        failed = ledger.failed


def of_stage(stage: int) -> list[int]:
    stages = [report(n, worse=False).finding.stage for n in range(20)]
    return [number for number, each in enumerate(stages) if each == stage]


def test_a_quorum_passes_a_stage_and_an_alarm_fails_all() -> None:
    ledger = Ledger(RELEASE)
    first = of_stage(0)
    assert len(first) == 4
    assert (RELEASE.stages[0].quorum, RELEASE.stages[0].alarm) == (2, 2)
    ledger.add(report(first[0], worse=True))
    assert (ledger.verdict, ledger.stage) == ("open", 0)
    ledger.add(report(first[1], worse=False))
    assert (ledger.verdict, ledger.stage) == ("open", 1)
    ledger.add(report(first[2], worse=True))
    assert ledger.verdict == "failed"


def test_all_stages_pass_even_when_a_later_one_was_first() -> None:
    ledger = Ledger(RELEASE)
    for stage in (2, 1, 0):
        assert ledger.verdict == "open"
        for number in of_stage(stage):
            ledger.add(report(number, worse=False))
    assert ledger.verdict == "passed"


def test_the_worse_word_stands() -> None:
    ledger = Ledger(RELEASE)
    assert ledger.add(report(0, worse=False))
    assert ledger.add(report(0, worse=True))
    assert not ledger.add(report(0, worse=False))
    assert [each.finding.worse for each in ledger] == [True]


def test_reports_that_do_not_count() -> None:
    ledger, honest = Ledger(RELEASE), report(0, worse=True)
    for finding in (
        attrs.evolve(honest.finding, release=bytes(16)),
        attrs.evolve(honest.finding, stage=(honest.finding.stage + 1) % 3),
    ):
        with pytest.raises(Untrusted):
            ledger.add(attrs.evolve(honest, finding=finding))
    outside = next(bytes([n] * 8) for n in range(256) if is_past_judges(bytes([n] * 8)))
    stage = slice_of(RELEASE.stages, place_of(RELEASE.salt, outside))
    with pytest.raises(Untrusted, match="no judge"):
        ledger.add(Report(outside, "late", Finding(RELEASE.id, stage, True, 0), b""))
    assert not list(ledger)


def is_past_judges(author: bytes) -> bool:
    place = place_of(RELEASE.salt, author)
    return place >= RELEASE.stages[slice_of(RELEASE.stages, place)].judges


def test_signed_reports_are_read_and_others_refused() -> None:
    scribe, other = CLUSTER.scribes[:2]
    finding = Finding(RELEASE.id, 0, True, -1000)
    signed = scribe.sign(finding)
    read = CLUSTER.read_report(signed)
    assert (read.author, read.name, read.finding) == (scribe.id, "node-0", finding)
    stolen = attrs.evolve(scribe, certificate=other.certificate).sign(finding)
    stranger = attrs.evolve(
        scribe,
        certificate=Cluster(1).authority.create().admit("x", scribe.key.public, ("peer",), 1, 0, 1),
    ).sign(finding)
    for blob in (stolen, stranger, b"", signed[:-1], signed + b"\0"):
        with pytest.raises(Untrusted):
            CLUSTER.read_report(blob)


@given(st.data())
def test_no_bit_of_a_report_can_be_changed(data) -> None:
    signed = bytearray(CLUSTER.scribes[0].sign(Finding(RELEASE.id, 0, True, 0)))
    signed[data.draw(st.integers(0, len(signed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(Untrusted):
        CLUSTER.read_report(bytes(signed))
