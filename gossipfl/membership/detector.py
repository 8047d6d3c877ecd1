"""Which neighbours are alive: SWIM's probes over the links that there are, with Lifeguard.

Das, Gupta and Motivala, "SWIM: scalable weakly-consistent infection-style process group membership
protocol" (2002); Dadgar, Phillips and Currey, "Lifeguard" (2018).  Each member is watched by its
neighbours alone, so the cost is the same in every cluster.  Every interval the neighbour that was
silent for longest is asked for life; what was heard since the last interval is asked nothing.  When
no answer comes in time, some others are asked to try: over their link, or by dialling it.  Those
that fail as well are witnesses; a suspect with witnesses has less time to be heard.
"""

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from gossipfl.membership.effects import Dead, Effect, End, Noted, Send, Visit
from gossipfl.membership.health import LocalHealth
from gossipfl.membership.probes import Errand, Probe, Watched
from gossipfl.membership.records import Id
from gossipfl.membership.settings import Settings
from gossipfl.membership.suspicion import Suspicion, suspect
from gossipfl.wire.messages import NUMBER_MAX, Ping, PingRequest, PingResult

ERRANDS_MAX: Final = 32
# A neighbour that others reach and we do not: after so many vain probes it is the link's fault.
VAIN_MAX: Final = 3


class Detector:
    """Watches neighbours from `watch` to `unwatch`; `tick` is due at `wake_s`."""

    def __init__(
        self,
        settings: Settings,
        rng: np.random.Generator,
        members: Callable[[], int],
        now_s: float,
    ) -> None:
        """members: how many there are in the cluster, as far as we know."""
        self._settings = settings
        self._rng = rng
        self._members = members
        self.health = LocalHealth(settings.health_max - 1 if settings.lifeguard else 0)
        self._watched: dict[Id, Watched] = {}
        self._suspects: dict[Id, Suspicion] = {}
        self._probes: list[Probe] = []
        self._errands: list[Errand] = []
        self._number = 0
        self._period_s = now_s + settings.probe_interval_s * float(rng.uniform())

    @property
    def wake_s(self) -> float:
        """When `tick` has something to do."""
        times = [self._period_s]
        times += [probe.due_s for probe in self._probes]
        times += [errand.until_s for errand in self._errands]
        times += [suspicion.until_s for suspicion in self._suspects.values()]
        return min(times)

    def is_suspect(self, peer: Id) -> bool:
        """Others may have to take its place."""
        return peer in self._suspects

    def watch(self, peer: Id, now_s: float) -> None:
        """There is a link to it."""
        self._watched[peer] = Watched(now_s, now_s)

    def unwatch(self, peer: Id) -> None:
        """The link is gone; whether the peer is, others may find out."""
        self._watched.pop(peer, None)
        self._settle(peer)

    def heard(self, peer: Id, now_s: float) -> list[Effect]:
        """A frame came from it: proof of its life, whatever it says."""
        watched = self._watched.get(peer)
        if watched is None:
            return []
        watched.heard_s, watched.vain = now_s, 0
        if not (self._probes or self._suspects or self._errands):
            return []
        return [*self._alive(peer), *self._tell_askers(peer, alive=True)]

    def answered(self, peer: Id, answer: PingResult) -> list[Effect]:
        """What a relay says of a target."""
        for probe in self._probes:
            if probe.number == answer.number and probe.asked and peer in probe.asked:
                if answer.alive:
                    return [*self._alive(probe.target), *self._reached_by_others(probe.target)]
                probe.asked[peer] = self._settings.lifeguard
                if probe.target in self._suspects and self._settings.lifeguard:
                    self._suspects[probe.target].witnesses.add(peer)
        return []

    def asked(self, by: Id, request: PingRequest, now_s: float) -> list[Effect]:
        """Another wants to know about a target; past ERRANDS_MAX questions we are too busy."""
        if len(self._errands) >= ERRANDS_MAX or request.target == by:
            return []
        until_s = now_s + self._settings.probe_timeout_s
        self._errands.append(Errand(by, request.number, request.target, until_s))
        linked = request.target in self._watched
        return [Send(request.target, Ping()) if linked else Visit(request.target)]

    def visited(self, peer: Id, answered: bool) -> list[Effect]:
        """How a Visit went."""
        if not answered:
            return []  # askers are told when their time is up; it may be heard of until then
        return [*self._tell_askers(peer, alive=True), *self._alive(peer)]

    def tick(self, now_s: float) -> list[Effect]:
        """Do what is due."""
        self._notice_own_delay(now_s)
        effects = [effect for probe in list(self._probes) for effect in self._follow(probe, now_s)]
        effects += self._bury(now_s)
        effects += self._fail_errands(now_s)
        if now_s >= self._period_s:
            interval_s = self._settings.probe_interval_s * self.health.factor
            self._period_s = now_s + interval_s * float(self._rng.uniform(0.9, 1.1))
            effects += self._begin_period(now_s, interval_s)
        return effects

    def _notice_own_delay(self, now_s: float) -> None:
        """While we slept we could not read what came, so nobody's time has run."""
        late_s = now_s - self.wake_s
        if not self._settings.lifeguard or late_s < self._settings.probe_timeout_s / 2:
            return
        self.health.note(1)
        for probe in self._probes:
            probe.delay(late_s)
        for suspicion in self._suspects.values():
            suspicion.since_s += late_s

    def _begin_period(self, now_s: float, interval_s: float) -> Iterator[Effect]:
        """Ask the neighbour that was silent for longest, and every suspect once more."""
        calm = [peer for peer in self._watched if peer not in self._suspects]
        if calm:
            target = min(calm, key=self._last_sign_s)
            if now_s - self._last_sign_s(target) >= interval_s / 2:
                yield from self._ask(target, now_s, interval_s)
        if self._settings.lifeguard:
            for target in list(self._suspects):
                yield from self._ask(target, now_s, interval_s)

    def _last_sign_s(self, peer: Id) -> float:
        watched = self._watched[peer]
        return max(watched.heard_s, watched.probed_s)

    def _ask(self, target: Id, now_s: float, interval_s: float) -> Iterator[Effect]:
        if any(probe.target == target for probe in self._probes):
            return
        timeout_s = self._settings.probe_timeout_s * self.health.factor
        self._number = self._number % NUMBER_MAX + 1
        times = now_s + timeout_s / 2, now_s + timeout_s, now_s + 0.9 * interval_s
        self._probes.append(Probe(target, self._number, *times))
        self._watched[target].probed_s = now_s
        yield Send(target, Ping())

    def _follow(self, probe: Probe, now_s: float) -> Iterator[Effect]:
        if not probe.repeated and now_s >= probe.again_s:
            probe.repeated = True
            yield Send(probe.target, Ping())
        if probe.asked is None and now_s >= probe.relay_s:
            yield from self._ask_others(probe)
        if now_s >= probe.end_s:
            self._probes.remove(probe)
            yield from self._doubt(probe, now_s)

    def _ask_others(self, probe: Probe) -> Iterator[Effect]:
        """Relays; and where they are too few we dial it anew ourselves, since links get stuck."""
        others = [p for p in self._watched if p != probe.target and p not in self._suspects]
        count = min(self._settings.relays, len(others))
        chosen = self._rng.choice(len(others), count, replace=False).tolist() if count else []
        probe.asked = {others[place]: False for place in chosen}
        self._watched[probe.target].vain += 1
        for relay in probe.asked:
            yield Send(relay, PingRequest(probe.number, probe.target))
        if count < self._settings.relays:
            yield Visit(probe.target)

    def _doubt(self, probe: Probe, now_s: float) -> Iterator[Effect]:
        """Nobody has heard it."""
        relays = len(probe.asked or ())
        self.health.note(probe.silent_relays if relays else 1)
        known = self._suspects.get(probe.target)
        if known is None:
            known = suspect(self._settings, self._members(), now_s, relays)
            self._suspects[probe.target] = known
            yield Noted("member.suspected", probe.target)
            yield from self._ask_all(now_s)
        known.witnesses |= probe.witnesses

    def _ask_all(self, now_s: float) -> Iterator[Effect]:
        """Failures come in groups: see at once who else is silent."""
        interval_s = self._settings.probe_interval_s * self.health.factor
        for peer in list(self._watched) if self._settings.lifeguard else ():
            if now_s - self._last_sign_s(peer) >= interval_s and peer not in self._suspects:
                yield from self._ask(peer, now_s, interval_s)

    def _alive(self, peer: Id) -> Iterator[Effect]:
        """There is proof of its life."""
        if any(probe.target == peer for probe in self._probes):
            self.health.note(-1)
        if self._settle(peer):
            yield Noted("member.cleared", peer)

    def _settle(self, peer: Id) -> bool:
        """No question about it is open any more; whether it was a suspect."""
        self._probes = [probe for probe in self._probes if probe.target != peer]
        return self._suspects.pop(peer, None) is not None

    def _reached_by_others(self, peer: Id) -> Iterator[Effect]:
        if peer in self._watched and self._watched[peer].vain >= VAIN_MAX:
            yield End(peer, "it answers others, but not on this link")

    def _bury(self, now_s: float) -> Iterator[Effect]:
        for peer in [p for p, each in self._suspects.items() if now_s >= each.until_s]:
            self.unwatch(peer)
            yield Dead(peer)

    def _tell_askers(self, target: Id, *, alive: bool) -> Iterator[Effect]:
        for errand in [each for each in self._errands if each.target == target]:
            self._errands.remove(errand)
            yield Send(errand.asker, PingResult(errand.number, alive))

    def _fail_errands(self, now_s: float) -> Iterator[Effect]:
        for errand in [each for each in self._errands if now_s >= each.until_s]:
            self._errands.remove(errand)
            if self._settings.lifeguard:
                yield Send(errand.asker, PingResult(errand.number, False))
