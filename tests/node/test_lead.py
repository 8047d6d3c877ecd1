"""Whom a node turns to when its neighbourhood fails, and when."""

from types import SimpleNamespace

import attrs
import trio

from gossipfl.central.links import Purpose
from gossipfl.fallback.policy import FallbackSettings, Mode
from gossipfl.node.lead import Lead

RESEND_S = 5.0


@attrs.define(eq=False)
class Seed:
    """A linked seed; `owes`: it has a request of ours."""

    key: bytes = b"seed"
    samples: int = 1
    owes: bool = False
    answered: trio.Event = attrs.Factory(trio.Event)


def lead_of(seed: Seed) -> Lead:
    """Of a node that has that seed and no neighbour."""
    mesh = SimpleNamespace(living=[], central=[seed], lost=trio.Event())
    mixer = SimpleNamespace(
        owes_answer=lambda neighbour: neighbour.owes,
        is_ready=lambda neighbour, resend_s: not neighbour.owes,
    )
    observer = SimpleNamespace(emit=lambda *_, **__: None)
    settings = FallbackSettings(below=1, after_s=1.0, return_s=1.0)
    return Lead(settings, mesh, mixer, lambda: 0, observer, RESEND_S, visits=True)


async def called_within(lead: Lead, seconds: float) -> bool:
    with trio.move_on_after(seconds) as scope:
        await lead.called()
    return not scope.cancelled_caught


async def test_who_is_starved_is_called_and_joins(autojump_clock):
    seed = Seed()
    lead = lead_of(seed)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lead.run)
        assert await called_within(lead, 3)
        assert lead.turn() == (seed, Purpose.JOIN)
        seed.owes = True
        assert not await called_within(lead, 60)  # the next round has its time
        seed.owes = False
        assert lead.turn() == (seed, Purpose.UPDATE)
        nursery.cancel_scope.cancel()


async def test_a_seed_that_owes_an_answer_is_joined_as_soon_as_it_came(autojump_clock):
    seed = Seed(owes=True)
    lead = lead_of(seed)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lead.run)
        assert await called_within(lead, 3)
        assert lead.turn() is None
        assert await called_within(lead, 1)
        since_s = trio.current_time()
        await lead.ready()
        assert trio.current_time() - since_s == RESEND_S  # no answer stops nobody for longer
        nursery.start_soon(answer, seed, 2.0)
        await lead.ready()
        assert trio.current_time() - since_s == RESEND_S + 2
        assert lead.mode is Mode.CENTRAL
        assert lead.turn() == (seed, Purpose.JOIN)
        nursery.cancel_scope.cancel()


async def answer(seed: Seed, after_s: float) -> None:
    await trio.sleep(after_s)
    seed.owes = False
    seed.answered.set()
