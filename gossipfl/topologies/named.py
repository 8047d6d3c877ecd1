"""Topologies by name, as settings and the command line write them."""

import re

from gossipfl.errors import ConfigError
from gossipfl.topologies.base import Topology
from gossipfl.topologies.complete import Complete
from gossipfl.topologies.random_regular import RandomRegular
from gossipfl.topologies.ring import Ring
from gossipfl.topologies.star import Star

_PLAIN: dict[str, type[Complete | Ring | Star]] = {"complete": Complete, "ring": Ring, "star": Star}
_RANDOM = re.compile(r"random:([0-9]{1,4})")


def parse_topology(text: str, seed: int = 0) -> Topology:
    """`complete`, `ring`, `star`, or `random:4` for a random graph of degree 4, drawn from `seed`.

    Raises ConfigError.
    """
    if text in _PLAIN:
        return _PLAIN[text]()
    match = _RANDOM.fullmatch(text)
    if match and int(match[1]) >= 1:
        return RandomRegular(degree=int(match[1]), seed=seed)
    raise ConfigError(
        f"topology {text[:40]!r} is unknown: write complete, ring, star, or random:4 (degree 4)"
    )
