"""How long a suspect has to be heard: the more others fail to reach it too, the less.

Lifeguard's dogpile timeout (Dadgar, Phillips and Currey, 2018, section IV.B).
"""

import math

from attrs import Factory, define

from gossipfl.membership.records import Id
from gossipfl.membership.settings import Settings


def shortest_s(settings: Settings, members: int) -> float:
    """Seconds that a suspect has at the least; grows with the logarithm of the members."""
    scale = max(1.0, math.log10(max(1, members)))
    return settings.suspicion * scale * settings.probe_interval_s


@define
class Suspicion:
    """One suspect's case.

    shortest_s, longest_s: bounds of its time; needed: witnesses until the time is shortest.
    witnesses: others who failed to reach it, each counted once.
    """

    since_s: float
    shortest_s: float
    longest_s: float
    needed: int
    witnesses: set[Id] = Factory(set)

    @property
    def until_s(self) -> float:
        """When it is held to be dead."""
        if not self.needed:
            return self.since_s + self.shortest_s
        share = math.log(len(self.witnesses) + 1) / math.log(self.needed + 1)
        spread_s = self.longest_s - self.shortest_s
        return self.since_s + max(self.shortest_s, self.longest_s - spread_s * share)


def suspect(settings: Settings, members: int, now_s: float, relays: int) -> Suspicion:
    """A fresh case.

    relays: how many others can be asked at all; who is alone need not wait for witnesses.
    """
    least_s = shortest_s(settings, members)
    if not settings.lifeguard:
        return Suspicion(now_s, least_s, least_s, 0)
    needed = min(max(0, settings.suspicion - 2), relays)
    return Suspicion(now_s, least_s, least_s * settings.suspicion_max, needed)
