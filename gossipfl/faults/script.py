"""A fault script: `[[events]]` of a TOML file, checked as a whole before anything starts.

    [[events]]
    at_s = 10
    do = "cut"                  # kill, pause, resume, restart, clock, cut, mute, heal, slow, loss
    groups = [["0-3"], ["4-7"]]

Nodes are numbers from 0 on; in lists, "4-7" stands for 4, 5, 6 and 7.
"""

import re
from enum import Enum
from pathlib import Path
from typing import Any, Final, TypeVar

from attrs import asdict, field, frozen

from gossipfl.errors import ConfigError
from gossipfl.faults.events import Clock, Event, Kill, OnNodes, Pause, Restart, Resume, name_of
from gossipfl.faults.links import Cut, Heal, Loss, Mute, OnLinks, Slow
from gossipfl.suggestion import suggest
from gossipfl.toml import build, check_keys, read_toml

EVENTS_MAX: Final = 1000
NODES_MAX: Final = 100_000
_RANGE: Final = re.compile(r"([0-9]{1,6})-([0-9]{1,6})")
KINDS: Final[dict[str, type[Event]]] = {
    kind.__name__.lower(): kind
    for kind in (Kill, Pause, Resume, Restart, Clock, Cut, Mute, Heal, Slow, Loss)
}
E = TypeVar("E", bound=Event)


class Condition(Enum):
    """Of a node, as far as a script knows."""

    UP = "up"
    DOWN = "down"
    PAUSED = "paused"


UP, DOWN, PAUSED = Condition

# What a script may do to a node in which condition, and what that leads to.
TRANSITIONS: Final = {
    (UP, Kill): DOWN,
    (PAUSED, Kill): DOWN,
    (UP, Pause): PAUSED,
    (PAUSED, Resume): UP,
    (UP, Restart): UP,
    (DOWN, Restart): UP,
}


@frozen
class FaultScript:
    """events: in order of time, and of the file where times are equal.  source: for errors."""

    events: tuple[Event, ...] = ()
    source: str = field(default="the fault script", eq=False)

    @property
    def end_s(self) -> float:
        """When the last event happens; 0 without any."""
        return max((event.at_s for event in self.events), default=0.0)

    def of_kind(self, kind: type[E]) -> tuple[E, ...]:
        """All events of one kind."""
        return tuple(event for event in self.events if isinstance(event, kind))

    def check(self, nodes: int) -> None:
        """Raises ConfigError when it cannot happen to so many nodes, all up at first."""
        conditions = [UP] * nodes
        for event in self.events:
            named = event.named if isinstance(event, OnLinks) else ()
            named = event.nodes if isinstance(event, OnNodes) else named
            for node in named:
                if node >= nodes:
                    raise self._error(event, f"there is no node {node}: they are 0 to {nodes - 1}")
            if isinstance(event, OnNodes) and type(event) in (Kill, Pause, Resume, Restart):
                self._follow(event, conditions)

    def _follow(self, event: OnNodes, conditions: list[Condition]) -> None:
        for node in event.nodes:
            try:
                conditions[node] = TRANSITIONS[conditions[node], type(event)]
            except KeyError:
                able = [state.value for state, kind in TRANSITIONS if kind is type(event)]
                raise self._error(
                    event,
                    f"node {node} is {conditions[node].value} by then; {name_of(event)} takes "
                    f"nodes that are {' or '.join(able)}",
                ) from None
        if UP not in conditions:
            raise self._error(event, "no node would be up any more; leave one")

    def _error(self, event: Event, reason: str) -> ConfigError:
        return ConfigError(f"{self.source}: {name_of(event)} at {event.at_s:g} s: {reason}")


QUIET: Final = FaultScript()


def read_script(path: Path) -> FaultScript:
    """The script in a TOML file.  Raises ConfigError: file, event, remedy."""
    return parse_script(read_toml(path), str(path))


def parse_script(tables: dict[str, Any], source: str) -> FaultScript:
    """The script in the tables of a TOML file.  Raises ConfigError."""
    check_keys(tables, ["events"], source)
    listed = tables.get("events", [])
    if not isinstance(listed, list) or not all(isinstance(table, dict) for table in listed):
        raise ConfigError(f"{source}: write each event as a table under [[events]]")
    if not 1 <= len(listed) <= EVENTS_MAX:
        raise ConfigError(f"{source}: {len(listed)} [[events]]; 1 to {EVENTS_MAX} are possible")
    events = [_event(table, f"{source}: event {i}") for i, table in enumerate(listed, start=1)]
    return FaultScript(tuple(sorted(events, key=lambda event: event.at_s)), source)


def to_table(event: Event) -> dict[str, Any]:
    """What stands for an event under [[events]]."""
    fields = asdict(event, filter=lambda _, value: value not in ((), None))
    return {"do": name_of(event), **{key: _lists(value) for key, value in fields.items()}}


def _lists(value: Any) -> Any:
    return list(map(_lists, value)) if isinstance(value, tuple) else value


def _event(table: dict[str, Any], where: str) -> Event:
    settings = dict(table)
    name = settings.pop("do", None)
    if not isinstance(name, str):
        raise ConfigError(f'{where}: say what happens, as in do = "kill"')
    if name not in KINDS:
        raise ConfigError(f"{where}: cannot do {name[:40]!r}; {suggest(name, KINDS)}")
    where = f"{where} ({name})"
    if "nodes" in settings:
        settings["nodes"] = _expand(settings["nodes"], f"{where}: nodes")
    if "groups" in settings:
        groups = _list(settings["groups"], f"{where}: groups", '[[0, 1], ["2-5"]]')
        settings["groups"] = [_expand(group, f"{where}: groups") for group in groups]
    if "links" in settings:
        settings["links"] = _pairs(settings["links"], f"{where}: links")
    return build(KINDS[name], settings, where)


def _list(value: object, where: str, example: str) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise ConfigError(f"{where} is a list, such as {example}")
    return value


def _expand(value: object, where: str) -> tuple[int, ...]:
    """[0, "4-6"] as (0, 4, 5, 6)."""
    found: list[int] = []
    for entry in _list(value, where, '[0, "4-7"]'):
        match = _RANGE.fullmatch(entry) if isinstance(entry, str) else None
        if match:
            found += range(int(match[1]), min(int(match[2]), NODES_MAX) + 1)
        elif isinstance(entry, int) and not isinstance(entry, bool) and 0 <= entry < NODES_MAX:
            found.append(entry)
        else:
            raise ConfigError(f'{where}: {entry!r} is neither a node\'s number nor as "4-7"')
    if not found:
        raise ConfigError(f'{where}: a range goes up, as in "4-7"')
    return tuple(sorted(set(found)))


def _pairs(value: object, where: str) -> tuple[tuple[int, int], ...]:
    found = []
    for entry in _list(value, where, "[[0, 1], [0, 2]]"):
        pair = _list(entry, where, "[[0, 1], [0, 2]]")
        nodes = [node for each in pair for node in _expand([each], where)]
        if len(nodes) != 2:
            raise ConfigError(f"{where}: {entry!r} is no pair of nodes, such as [0, 1]")
        found.append((nodes[0], nodes[1]))
    return tuple(found)
