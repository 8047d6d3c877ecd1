"""What may happen to links at a given second, and what they are like afterwards."""

from functools import cached_property
from itertools import pairwise
from typing import Final

import attrs
from attrs import field, frozen
from attrs.validators import and_, ge, gt, le, optional

from gossipfl.faults.events import Event, listed, name_of

DELAY_MAX_S: Final = 3600.0


@frozen(kw_only=True)
class PathFaults:
    """One direction of one link, beside what the network does to it anyway.

    cut: nothing arrives.  mute: no multicast does.  loss: share of frames that vanish.
    delay_s, jitter_s: frames take so much longer, and up to so much more, at random.
    bytes_per_s: frames wait for those before them; None: as fast as the network is.
    """

    cut: bool = False
    mute: bool = False
    loss: float = 0.0
    delay_s: float = 0.0
    jitter_s: float = 0.0
    bytes_per_s: float | None = None


CLEAR: Final = PathFaults()


@frozen(kw_only=True)
class OnLinks(Event):
    """Something that happens to links, both ways; to all of them unless it says to which.

    groups: the links between nodes of different groups.  links: these pairs.
    nodes: every link of these nodes.
    """

    groups: tuple[tuple[int, ...], ...] = ()
    links: tuple[tuple[int, int], ...] = ()
    nodes: tuple[int, ...] = ()

    def __attrs_post_init__(self) -> None:
        if sum(map(bool, (self.groups, self.links, self.nodes))) > 1:
            raise ValueError("name groups, links or nodes, not several of them")
        grouped = sorted(node for group in self.groups for node in group)
        for node, following in pairwise(grouped):
            if node == following:
                raise ValueError(f"node {node} is in two groups; it can be in one")
        if len(self.groups) == 1:
            raise ValueError("one group has no links to others: name two groups or more")
        for one, other in self.links:
            if one == other:
                raise ValueError(f"link [{one}, {other}] joins a node to itself")

    @property
    def is_everywhere(self) -> bool:
        """It concerns all links."""
        return not (self.groups or self.links or self.nodes)

    @property
    def named(self) -> tuple[int, ...]:
        """All nodes that it names, in any way."""
        grouped = (node for group in self.groups for node in group)
        linked = (node for pair in self.links for node in pair)
        return (*grouped, *linked, *self.nodes)

    @cached_property
    def _group_of(self) -> dict[int, int]:
        return {node: number for number, group in enumerate(self.groups) for node in group}

    @cached_property
    def _pairs(self) -> frozenset[tuple[int, int]]:
        return frozenset((*self.links, *(pair[::-1] for pair in self.links)))

    def covers(self, one: int, other: int) -> bool:
        """Whether it concerns the link between these two nodes."""
        if self.groups:
            ours, theirs = self._group_of.get(one), self._group_of.get(other)
            return ours is not None and theirs is not None and ours != theirs
        if self.links:
            return (one, other) in self._pairs
        return not self.nodes or one in self.nodes or other in self.nodes

    def change(self, path: PathFaults) -> PathFaults:
        """What a link that was in this state is like afterwards."""
        raise NotImplementedError

    def __str__(self) -> str:
        if self.groups:
            where = " from ".join(map(listed, self.groups))
        elif self.links:
            where = ", ".join(f"{one}-{other}" for one, other in self.links)
        else:
            where = f"around {listed(self.nodes)}" if self.nodes else "everywhere"
        return f"{name_of(self)} {where}"


@frozen(kw_only=True)
class Cut(OnLinks):
    """Nothing passes any more."""

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if self.is_everywhere:
            raise ValueError("say what to cut: groups, links or nodes")

    def change(self, path: PathFaults) -> PathFaults:
        return attrs.evolve(path, cut=True)


@frozen(kw_only=True)
class Mute(OnLinks):
    """No multicast passes any more, as on some Wi-Fi: nodes cannot find each other by mDNS."""

    def change(self, path: PathFaults) -> PathFaults:
        return attrs.evolve(path, mute=True)


@frozen(kw_only=True)
class Heal(OnLinks):
    """Links are again as they were at the start: neither cut nor mute nor slow nor lossy."""

    def change(self, path: PathFaults) -> PathFaults:
        return CLEAR


@frozen(kw_only=True)
class Slow(OnLinks):
    """Frames take `delay_s` longer, up to `jitter_s` more, and share `bytes_per_s` a direction."""

    delay_s: float = field(default=0.0, validator=and_(ge(0.0), le(DELAY_MAX_S)))
    jitter_s: float = field(default=0.0, validator=and_(ge(0.0), le(DELAY_MAX_S)))
    bytes_per_s: float | None = field(default=None, validator=optional(gt(0)))

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if not self.delay_s and not self.jitter_s and self.bytes_per_s is None:
            raise ValueError("say how slow: delay_s, jitter_s or bytes_per_s")

    def change(self, path: PathFaults) -> PathFaults:
        return attrs.evolve(
            path, delay_s=self.delay_s, jitter_s=self.jitter_s, bytes_per_s=self.bytes_per_s
        )


@frozen(kw_only=True)
class Loss(OnLinks):
    """This share of all frames vanishes."""

    share: float = field(validator=and_(gt(0.0), le(1.0)))

    def change(self, path: PathFaults) -> PathFaults:
        return attrs.evolve(path, loss=self.share)

    def __str__(self) -> str:
        return f"{super().__str__()}: {self.share:.0%}"
