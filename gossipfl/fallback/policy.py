"""When a node turns to a seed, and when it turns back: a state machine with hysteresis.

A node whose living neighbours are too few, or are silent, for a set time turns to a seed; it
returns when it has had enough of them for a set time.  It goes on exchanging with those that it
has, so a mesh and a group that a seed holds together heal by the exchanges of whoever belongs to
both.  Without a seed it trains alone.

It never flaps: every condition must hold without a break, and each fallback soon after a return
doubles the time for which neighbours must have been there, up to `PATIENCE_MAX` times.
"""

import math
from enum import Enum
from typing import Final

import attrs
from attrs import define, frozen
from attrs.validators import ge, gt

PATIENCE_MAX: Final = 16
# A return that lasts for so many times what was waited for has proved right.
PROVED: Final = 4
# Requests are repeated before we take silence for an answer.
STALL: Final = 2


class Mode(Enum):
    """What a node goes by."""

    GOSSIP = "gossip"
    CENTRAL = "central"
    ALONE = "alone"


@attrs.frozen(kw_only=True)
class FallbackSettings:
    """below: fewer living neighbours than this are too few, unless the cluster has no more.

    after_s: seconds of that until a node turns to a seed.  Lower: less is lost when links fail, and
        more is spent on short failures.
    return_s: seconds with enough of them until it returns.
    quiet_s: seconds without a word from any of them after which they count as gone: two probes in
        vain.  Who is cut off asks one after the other for life, and ever more slowly.
    """

    below: int = attrs.field(default=2, validator=ge(1))
    after_s: float = attrs.field(default=15.0, validator=gt(0))
    return_s: float = attrs.field(default=15.0, validator=gt(0))
    quiet_s: float = attrs.field(default=12.0, validator=gt(0))


@frozen
class Sight:
    """What a node sees of its neighbourhood.

    living: neighbours that are heard, seeds not among them.
    others: members that are known to live, seeds not among them.
    stalled: all neighbours owe us an answer.
    has_seed: a seed is linked.
    silent_s: seconds since any neighbour was heard.
    """

    living: int
    others: int
    stalled: bool
    has_seed: bool
    silent_s: float = 0.0


@frozen
class Switch:
    """A change of mode, and why, in a line."""

    mode: Mode
    reason: str


@define
class _Since:
    """For how long something has been so without a break."""

    start_s: float = math.inf

    def note(self, holds: bool, now_s: float) -> None:
        """It is so now, or not."""
        self.start_s = min(self.start_s, now_s) if holds else math.inf

    def lasted_s(self, now_s: float) -> float:
        """0 when it is not so."""
        return max(0.0, now_s - self.start_s)


class FallbackPolicy:
    """One node's; `see` is to be called every so often, with what is there now."""

    def __init__(self, settings: FallbackSettings) -> None:
        self.mode = Mode.GOSSIP
        self._settings = settings
        self._patience = 1
        self._returned_s = -math.inf
        self._starved = _Since()
        self._stalled = _Since()
        self._fed = _Since()
        self._unled = _Since()

    @property
    def is_calm(self) -> bool:
        """Nothing was amiss in the last sight."""
        amiss = math.isfinite(self._starved.start_s) or math.isfinite(self._stalled.start_s)
        return self.mode is Mode.GOSSIP and not amiss

    def see(self, sight: Sight, now_s: float) -> Switch | None:
        """The change that this brings, if any; it explains itself."""
        wanted = min(self._settings.below, max(sight.others, 1))
        enough = sight.living >= wanted and not self._is_quiet(sight)
        self._starved.note(not enough, now_s)
        self._stalled.note(enough and sight.stalled, now_s)
        self._fed.note(enough and not sight.stalled, now_s)
        self._unled.note(not sight.has_seed, now_s)
        if self.mode is Mode.GOSSIP:
            return self._leave(sight, wanted, now_s)
        fed_s = self._fed.lasted_s(now_s)
        if fed_s >= self._settings.return_s * self._patience:
            self._returned_s = now_s
            reason = f"{sight.living} neighbours for {fed_s:.1f} s"
            return self._switch(Mode.GOSSIP, reason)
        return self._change_lead(sight, now_s)

    def _leave(self, sight: Sight, wanted: int, now_s: float) -> Switch | None:
        starved_s, stalled_s = self._starved.lasted_s(now_s), self._stalled.lasted_s(now_s)
        if starved_s >= self._settings.after_s and self._is_quiet(sight):
            reason = f"no word from {sight.living} neighbours for {sight.silent_s:.1f} s"
        elif starved_s >= self._settings.after_s:
            reason = f"{sight.living} neighbours, {wanted} are wanted, for {starved_s:.1f} s"
        elif stalled_s >= STALL * self._settings.after_s:
            reason = f"{sight.living} neighbours, none answers, for {stalled_s:.1f} s"
        else:
            return None
        self._learn_patience(now_s)
        return self._switch(Mode.CENTRAL if sight.has_seed else Mode.ALONE, reason)

    def _is_quiet(self, sight: Sight) -> bool:
        return sight.living > 0 and sight.silent_s >= self._settings.quiet_s

    def _change_lead(self, sight: Sight, now_s: float) -> Switch | None:
        """Seeds come and go."""
        if self.mode is Mode.ALONE and sight.has_seed:
            return self._switch(Mode.CENTRAL, "a seed is linked")
        unled_s = self._unled.lasted_s(now_s)
        if self.mode is Mode.CENTRAL and unled_s >= self._settings.after_s:
            return self._switch(Mode.ALONE, f"no seed for {unled_s:.1f} s")
        return None

    def _learn_patience(self, now_s: float) -> None:
        """Did the last return last?"""
        proof_s = PROVED * self._patience * self._settings.return_s
        if now_s - self._returned_s >= proof_s:
            self._patience = 1
        else:
            self._patience = min(2 * self._patience, PATIENCE_MAX)

    def _switch(self, mode: Mode, reason: str) -> Switch:
        self.mode = mode
        for since in (self._starved, self._stalled, self._fed):
            since.note(False, 0.0)
        return Switch(mode, reason)
