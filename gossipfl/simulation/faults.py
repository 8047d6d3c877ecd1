"""A fault script in virtual time: nodes go and come, links are cut, slow and lossy."""

from typing import Final

from gossipfl.agreement import converter
from gossipfl.errors import ConfigError
from gossipfl.faults.events import Clock, Event, Kill, OnNodes, Pause, Restart
from gossipfl.faults.links import Mute, OnLinks
from gossipfl.faults.paths import Paths
from gossipfl.faults.script import FaultScript, to_table
from gossipfl.simulation.churn import Presence
from gossipfl.simulation.engine import Engine

LESS: Final[dict[type[Event], str]] = {
    Kill: "kill costs no training here; a real node loses what came after its last checkpoint",
    Pause: "frames to a paused node are lost here; a real one finds them when it resumes",
    Restart: "restart takes no time here, so that nothing happens to a node that is up",
    Mute: "mute does nothing here: simulated nodes need no multicast",
    Clock: "clock does nothing here: simulated nodes have no wall clock",
}

# Results tell of a script as its file would.
converter.register_unstructure_hook(
    FaultScript, lambda script: [to_table(event) for event in script.events]
)


def schedule_faults(
    script: FaultScript, engine: Engine, presence: Presence, paths: Paths, end_s: float
) -> None:
    """Plan all of it.  Raises ConfigError when it cannot happen, or not before the end."""
    script.check(presence.nodes)
    if script.end_s > end_s:
        raise ConfigError(
            f"{script.source}: the last event is at {script.end_s:g} s, and the run ends at "
            f"{end_s:g} s: take more --rounds"
        )
    for event in script.events:
        engine.schedule(event.at_s, _happen, event, presence, paths)


def without_meaning(script: FaultScript) -> list[str]:
    """What in it means nothing in virtual time, or less than to real processes; for people."""
    return [note for kind, note in LESS.items() if script.of_kind(kind)]


def _happen(event: Event, presence: Presence, paths: Paths) -> None:
    if isinstance(event, OnLinks):
        paths.apply(event)
    elif isinstance(event, OnNodes) and not isinstance(event, Clock):
        for node in event.nodes:
            presence.hold(node, isinstance(event, Kill | Pause))
