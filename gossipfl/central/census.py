"""The clients that a seed knows: which model each has, and what each weighs.

Weights and medians are asked for with every update, of a thousand clients and more, so they are
kept up as clients change, and nothing here goes through all of them for one.
"""

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from attrs import define


@define
class Client:
    """base: round whose model it has; -1 when it is not led.  samples: as it last said.

    Both change by the census only.
    counted: number of its exchange that last counted, in the round `counted_in`.
    """

    base: int = -1
    samples: int = 1
    counted: int = 0
    counted_in: int = -1


class Census:
    """At most `longest` clients by their keys; whoever was used least recently makes room."""

    def __init__(self, longest: int, rows: Iterable[tuple[Any, ...]] = ()) -> None:
        """rows: as iteration gives them."""
        self._longest = longest
        self._clients = {key: Client(*numbers) for key, *numbers in rows}
        self._samples = sorted(client.samples for client in self._clients.values())
        self._weights: Counter[int] = Counter()
        for client in self._clients.values():
            self._weights[client.base] += client.samples

    def __iter__(self) -> Iterator[tuple[bytes, int, int, int, int]]:
        """(key, base, samples, counted, counted in), in order of use."""
        for key, each in self._clients.items():
            yield key, each.base, each.samples, each.counted, each.counted_in

    def __len__(self) -> int:
        return len(self._clients)

    def get(self, key: bytes) -> Client | None:
        """What is known of it."""
        return self._clients.get(key)

    def enter(self, key: bytes) -> Client:
        """Its entry, used just now."""
        known = self._clients.pop(key, None)
        if known is None:
            known = Client()
            self._add(known)
        self._clients[key] = known
        while len(self._clients) > self._longest:
            self._remove(self._clients.pop(next(iter(self._clients))))
        return known

    def note(self, client: Client, *, base: int | None = None, samples: int | None = None) -> None:
        """It has another model now, or weighs something else."""
        self._remove(client)
        client.base = client.base if base is None else base
        client.samples = client.samples if samples is None else samples
        self._add(client)

    def weight(self, oldest: int) -> int:
        """Samples of all whose model is of this round or a later one."""
        return sum(weight for base, weight in self._weights.items() if base >= oldest)

    def usual(self, but: bytes) -> tuple[int, float]:
        """How many others there are, and the median of their samples; of nobody it is 0."""
        own = self._clients.get(but)
        count = len(self._samples) - (own is not None)
        if not count:
            return 0, 0.0
        place = count if own is None else bisect_left(self._samples, own.samples)
        middle = [(count - 1) // 2, count // 2]
        found = [self._samples[number + (number >= place)] for number in middle]
        return count, sum(found) / 2

    def _add(self, client: Client) -> None:
        insort(self._samples, client.samples)
        self._weights[client.base] += client.samples

    def _remove(self, client: Client) -> None:
        del self._samples[bisect_left(self._samples, client.samples)]
        self._weights[client.base] -= client.samples
        if not self._weights[client.base]:
            del self._weights[client.base]
