"""Ids of members that are only numbers, as in simulations and swarms."""

from functools import lru_cache
from typing import Final

from gossipfl.errors import ConfigError
from gossipfl.topologies.base import Topology

NUMBER_DIGITS: Final = 8


@lru_cache(maxsize=4)
def member_ids(nodes: int) -> tuple[str, ...]:
    """Ids for topologies, padded so that their order is the order of numbers."""
    return tuple(f"{node:0{NUMBER_DIGITS}d}" for node in range(nodes))


def padded(name: str) -> str:
    """What edge lists call a node: whole numbers are numbers of nodes."""
    return name.zfill(NUMBER_DIGITS) if name.isascii() and name.isdigit() else name


def members_for(topology: Topology, nodes: int) -> tuple[str, ...]:
    """The ids of so many nodes: the topology's own if it has any.  Raises ConfigError."""
    ids = topology.ids
    if ids is not None and len(ids) != nodes:
        raise ConfigError(f"the edge list is of {len(ids)} nodes, not of {nodes}: make them equal")
    return member_ids(nodes) if ids is None else ids
