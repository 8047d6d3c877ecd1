"""What may happen to nodes at a given second; pure, so that every driver means the same."""

from typing import Final

from attrs import field, frozen
from attrs.validators import and_, ge, le, min_len

AT_MAX_S: Final = 30 * 86_400.0
JUMP_MAX_S: Final = 100 * 365 * 86_400.0


@frozen(kw_only=True)
class Event:
    """Something that happens `at_s` seconds after all nodes run."""

    at_s: float = field(validator=and_(ge(0.0), le(AT_MAX_S)))


@frozen(kw_only=True)
class OnNodes(Event):
    """Something that happens to these nodes, by number."""

    nodes: tuple[int, ...] = field(validator=min_len(1))

    def __str__(self) -> str:
        return f"{name_of(self)} {listed(self.nodes)}"


@frozen(kw_only=True)
class Kill(OnNodes):
    """The process ends at once, as by `kill -9` or a power cut."""


@frozen(kw_only=True)
class Pause(OnNodes):
    """The process stops where it is, as a machine that is suspended."""


@frozen(kw_only=True)
class Resume(OnNodes):
    """A paused process goes on."""


@frozen(kw_only=True)
class Restart(OnNodes):
    """A node that is down starts again; one that runs is stopped politely before."""


@frozen(kw_only=True)
class Clock(OnNodes):
    """The wall clock is set forward by `jump_s` seconds, or back if that is negative."""

    jump_s: float = field(validator=and_(ge(-JUMP_MAX_S), le(JUMP_MAX_S)))

    def __str__(self) -> str:
        return f"{super().__str__()} by {self.jump_s:+g} s"


def name_of(event: Event) -> str:
    """What a script calls it."""
    return type(event).__name__.lower()


def listed(nodes: tuple[int, ...]) -> str:
    """Numbers for people: 0-3, 7."""
    runs: list[list[int]] = []
    for node in sorted(nodes):
        if runs and node == runs[-1][1] + 1:
            runs[-1][1] = node
        else:
            runs.append([node, node])
    return ", ".join(f"{first}" if first == last else f"{first}-{last}" for first, last in runs)
