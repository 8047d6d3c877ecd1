"""Rounds of FedAvg, or steps of FedBuff: which updates count, and who gets which model when.

A pure state machine: updates and seconds in, steps and names of clients out.  Clients come by
themselves, with what they have learnt since they last got a model, and are answered when they are
given the next one.  So "selected" means answered, nobody is ever waited for who is not there, and
whoever vanishes costs a round its deadline at most.
"""

import math
from collections.abc import Iterable
from enum import Enum, auto
from typing import Final

import msgpack
import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from gossipfl.central.census import Census, Client
from gossipfl.central.optimizers import ServerOptimizer
from gossipfl.central.rules import RuleName
from gossipfl.central.settings import CoordinatorSettings
from gossipfl.compression.delta import Delta
from gossipfl.errors import StateError

# So many times what is usual is no honest number of samples, once so many others are known.
HUGE: Final = 100
KNOWN_MIN: Final = 4


class Verdict(Enum):
    """What becomes of a client's request: its answer waits for the round's end, or goes now."""

    WAITS = auto()
    ANSWER = auto()


@frozen
class Judgement:
    """refusal: why the update counts for nothing, in a line; None when it counts, or counted."""

    verdict: Verdict
    refusal: str | None = None


@frozen(eq=False)
class Closing:
    """The end of a round.

    step: what the model moves by, float64[d].  updates: so many it is made of.
    invited: who is given the model now, in this order.
    """

    step: NDArray[np.float64]
    updates: int
    invited: tuple[bytes, ...]


class Coordinator:
    """One seed's.  Clients are named by their keys.

    round: number of steps made.
    """

    def __init__(self, settings: CoordinatorSettings, size: int, rng: np.random.Generator) -> None:
        """size: length of the model.  rng: chooses among those who wait."""
        self._settings = settings
        self._rng = rng
        self._rule = RuleName(settings.rule).make(size)
        self._optimizer = ServerOptimizer(
            settings.optimizer, settings.learning_rate, settings.tau, size
        )
        self._clients = Census(settings.clients_max)
        self._invited: set[bytes] = set()
        self._waiting: dict[bytes, None] = {}
        self._opened_s = math.inf
        self.round = 0

    @property
    def clients_max(self) -> int:
        """Clients to know at most."""
        return self._settings.clients_max

    @property
    def buffers(self) -> bool:
        """Updates make steps as they come, without rounds."""
        return self._settings.buffer > 0

    @property
    def heard(self) -> int:
        """Updates that count in this round so far."""
        return self._rule.count

    @property
    def weight(self) -> int:
        """Samples of all who are led: what the seed's model stands for; at least 1."""
        oldest = max(0, self.round - self._settings.staleness_max)
        return max(1, self._clients.weight(oldest))

    def due_s(self, now_s: float) -> float:
        """When to look again whether the round is over; infinite while nobody has been heard."""
        if self.buffers:
            return math.inf
        due_s, late_s = self._deadlines
        return due_s if now_s < due_s else late_s

    def check_samples(self, client: bytes, samples: int) -> str | None:
        """Why nobody has so many samples; None when that may be."""
        if samples > self._settings.samples_max:
            return f"claims {samples} samples, more than {self._settings.samples_max}"
        others, usual = self._clients.usual(client)
        if others >= KNOWN_MIN and samples > HUGE * usual:
            return f"claims {samples} samples, where {usual:.0f} are usual"
        return None

    def join(self, client: bytes, samples: int) -> None:
        """A client that has been given the newest model is led from now on."""
        self._clients.note(self._clients.enter(client), samples=samples)
        self._give(client)

    def leave(self, client: bytes) -> int:
        """A client is led no more, as it says itself, or comes anew.

        Returns the samples that it takes along: none where it has not the newest model.
        """
        known, taken = self._clients.get(client), 0
        if known is not None:
            taken = known.samples if known.base == self.round else 0
            self._clients.note(known, base=-1)
        self.unlinked(client)
        return taken

    def take(
        self, client: bytes, sequence: int, samples: int, delta: Delta, now_s: float
    ) -> Judgement:
        """One update, of the client's exchange number `sequence`; again when it is repeated."""
        known = self._clients.enter(client)
        if known.counted == sequence:
            return self._again(client, known)
        refusal = self.check_samples(client, samples)
        if refusal is not None:
            return Judgement(Verdict.ANSWER, refusal)
        self._clients.note(known, samples=samples)
        refusal = self._check_age(known)
        if refusal is not None:
            self._give(client)  # it has the newest model now, and may go on from there
            return Judgement(Verdict.ANSWER, refusal)
        self._count(client, known, sequence, samples, delta, now_s)
        if self._settings.buffer:
            self._give(client)
            return Judgement(Verdict.ANSWER)
        self._waiting[client] = None
        return Judgement(Verdict.WAITS)

    def unlinked(self, client: bytes) -> None:
        """Its link has ended; what it sent counts, and it is answered when it asks again."""
        self._invited.discard(client)
        self._waiting.pop(client, None)

    def is_over(self, now_s: float) -> bool:
        """The round can be closed."""
        if not self.heard:
            return False
        if self._settings.buffer:
            return self.heard >= self._settings.buffer
        expected = self.heard + len(self._invited)
        wanted = min(self._settings.cohort or expected, expected)
        return self.heard >= self._share(now_s) * wanted

    @property
    def _deadlines(self) -> tuple[float, float]:
        deadline_s = self._settings.deadline_s
        return self._opened_s + deadline_s, self._opened_s + 2 * deadline_s

    def _share(self, now_s: float) -> float:
        """Of the updates that a round wants, what suffices by now."""
        due_s, late_s = self._deadlines
        if now_s >= late_s:  # whoever is still silent has left us, though its link may be there
            return 0.0
        return self._settings.quorum if now_s >= due_s else 1.0

    def close(self) -> Closing:
        """End the round; `is_over` must hold."""
        updates = self.heard
        step = self._optimizer.step(self._rule.finish())
        self.round += 1
        self._opened_s = math.inf
        chosen = self._choose()
        self._invited = set()
        for client in chosen:
            del self._waiting[client]
            self._give(client)
        return Closing(step, updates, chosen)

    def snapshot(self) -> bytes:
        """What the next round rests on, for `restore`.

        What counts in this round is left out: it has not been answered, so it comes again.
        """
        clients = list(self._clients)
        return bytes(msgpack.packb([self.round, *self._optimizer.snapshot(), clients]))

    def restore(self, snapshot: bytes) -> None:
        """Go on where `snapshot` was taken.  Raises StateError, and then changes nothing."""
        try:
            round_, first, second, rows = msgpack.unpackb(snapshot)
            # What counted in the round that was open has not been answered: it counts anew.
            known = [
                (key, base, samples, 0 if counted_in == round_ else counted, counted_in)
                for key, base, samples, counted, counted_in in rows
            ]
            clients = Census(self._settings.clients_max, known)
            self._optimizer.restore(first, second)
        except (ValueError, TypeError, msgpack.UnpackException) as error:
            raise StateError(f"what the seed knows of clients is damaged: {error}") from None
        self.round, self._clients = round_, clients

    def replay(self, client: bytes, sequence: int, samples: int, delta: Delta) -> Closing | None:
        """An update that was answered after the snapshot; the step, if it was one that made one.

        Only steps of a buffer are answered before a snapshot is taken.
        """
        if not self._settings.buffer:
            return None
        self.take(client, sequence, samples, delta, 0.0)
        return self.close() if self.is_over(0.0) else None

    def _give(self, client: bytes) -> None:
        """It is given the newest model, and its update is waited for."""
        self._clients.note(self._clients.enter(client), base=self.round)
        self._invited.add(client)

    def _again(self, client: bytes, known: Client) -> Judgement:
        """A request that counted already, and whose answer it has not got."""
        if known.counted_in == self.round:
            self._waiting[client] = None
            return Judgement(Verdict.WAITS)
        self._give(client)
        return Judgement(Verdict.ANSWER)

    def _check_age(self, known: Client) -> str | None:
        if known.base < 0:
            return "has not asked to be led"
        age = self.round - known.base
        if age > self._settings.staleness_max:
            return f"began from round {known.base}, {age} rounds ago"
        return None

    def _count(
        self,
        client: bytes,
        known: Client,
        sequence: int,
        samples: int,
        delta: Delta,
        now_s: float,
    ) -> None:
        # As FedBuff weighs late updates; what is not late counts whole.
        factor = 1 / math.sqrt(1 + self.round - known.base)
        norm, longest = delta.norm(), self._settings.clip_norm
        if longest and norm > longest:
            factor *= longest / norm
        self._rule.add(delta, samples, factor)
        known.counted, known.counted_in = sequence, self.round
        self._invited.discard(client)
        self._opened_s = min(self._opened_s, now_s)

    def _choose(self) -> tuple[bytes, ...]:
        """Of those who wait, as many as the next round asks; all without a cohort."""
        waiting = tuple(self._waiting)
        cohort = self._settings.cohort
        most = math.ceil(cohort * (1 + self._settings.over_selection)) if cohort else len(waiting)
        if len(waiting) <= most:
            return waiting
        order: Iterable[int] = np.sort(self._rng.permutation(len(waiting))[:most])
        return tuple(waiting[number] for number in order)
