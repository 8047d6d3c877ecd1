"""Topologies by name, as settings and the command line write them."""

import re

from gossipfl.errors import ConfigError
from gossipfl.topologies.base import Topology
from gossipfl.topologies.complete import Complete
from gossipfl.topologies.islands import Islands
from gossipfl.topologies.random_regular import RandomRegular
from gossipfl.topologies.ring import Ring
from gossipfl.topologies.star import Star

_PLAIN: dict[str, type[Complete | Ring | Star]] = {"complete": Complete, "ring": Ring, "star": Star}
_DRAWN: dict[str, type[Islands | RandomRegular]] = {"islands": Islands, "random": RandomRegular}
_DEGREE = re.compile(r"(islands|random):([0-9]{1,4})")


def parse_topology(text: str, seed: int = 0) -> Topology:
    """`complete`, `ring`, `star`, or drawn from `seed`, for instance with degree 4: `random:4`, or
    `islands:4` for two such graphs that meet when the graph is drawn anew.

    Raises ConfigError.
    """
    if text in _PLAIN:
        return _PLAIN[text]()
    match = _DEGREE.fullmatch(text)
    if match and int(match[2]) >= 1:
        return _DRAWN[match[1]](degree=int(match[2]), seed=seed)
    raise ConfigError(
        f"topology {text[:40]!r} is unknown: write complete, ring, star, random:4 (degree 4) or "
        "islands:4"
    )
