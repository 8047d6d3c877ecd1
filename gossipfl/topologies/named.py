"""Topologies by name, as settings and the command line write them: `tree:3`, `base:2`."""

import math
from collections.abc import Callable
from typing import Final

from attrs import frozen

from gossipfl.errors import ConfigError
from gossipfl.suggestion import suggest
from gossipfl.topologies.base import Topology
from gossipfl.topologies.base_graph import BaseGraph
from gossipfl.topologies.clusters import Clusters
from gossipfl.topologies.complete import Complete
from gossipfl.topologies.edge_file import read_edges
from gossipfl.topologies.epidemic import EpidemicLocal, EpidemicOracle
from gossipfl.topologies.equidyn import EquiDyn
from gossipfl.topologies.erdos_renyi import ErdosRenyi
from gossipfl.topologies.exponential import Exponential, OnePeerExponential
from gossipfl.topologies.grid import Grid, Torus
from gossipfl.topologies.hypercube import Hypercube
from gossipfl.topologies.islands import Islands
from gossipfl.topologies.line import Line
from gossipfl.topologies.matching import Matching
from gossipfl.topologies.random_regular import RandomRegular
from gossipfl.topologies.ring import Ring
from gossipfl.topologies.scale_free import ScaleFree
from gossipfl.topologies.small_world import SmallWorld
from gossipfl.topologies.star import Star
from gossipfl.topologies.tree import Tree

EDGES: Final = "edges:"


@frozen
class Argument:
    """What may stand behind a colon: a whole number where `low` is one."""

    name: str
    low: float
    high: float = 9999

    def parse(self, text: str, where: str) -> float:
        """The value.  Raises ConfigError."""
        try:
            value = float(text) if isinstance(self.low, float) else int(text)
        except ValueError:
            value = math.nan
        if not self.low <= value <= self.high:
            kind = "a number" if isinstance(self.low, float) else "a whole number"
            raise ConfigError(
                f"{where}: {self.name} is {kind} from {self.low:g} to {self.high:g}, "
                f"not {text[:20]!r}"
            )
        return value


@frozen
class Kind:
    """One entry of the list; arguments may be left out from the end."""

    summary: str
    make: Callable[..., Topology]
    arguments: tuple[Argument, ...] = ()
    drawn: bool = False

    def usage(self, name: str) -> str:
        """How it is written, for instance tree[:CHILDREN]."""
        inner = ""
        for argument in reversed(self.arguments):
            inner = f"[:{argument.name.upper()}{inner}]"
        return name + inner


_DEGREE: Final = Argument("degree", 1)
_FANOUT: Final = Argument("fanout", 1)
KINDS: Final[dict[str, Kind]] = {
    "complete": Kind("everybody with everybody", Complete),
    "ring": Kind("the two next in id order", Ring),
    "line": Kind("a ring that is open at one place", Line),
    "star": Kind("everybody with the first", Star),
    "tree": Kind("a parent and some children", Tree, (Argument("children", 1),)),
    "grid": Kind("four sides in two dimensions", Grid, (Argument("columns", 0),)),
    "torus": Kind("a grid without edges", Torus, (Argument("columns", 0),)),
    "hypercube": Kind("numbers that differ in one bit", Hypercube),
    "random": Kind("a random regular graph", RandomRegular, (_DEGREE,), drawn=True),
    "erdos-renyi": Kind(
        "any pair by chance; 2 ln n unless given",
        ErdosRenyi,
        (Argument("degree", 0.0),),
        drawn=True,
    ),
    "small-world": Kind(
        "a ring with links rewired to anywhere",
        SmallWorld,
        (Argument("degree", 2), Argument("rewired", 0.0, 1)),
        drawn=True,
    ),
    "scale-free": Kind("few hubs, many leaves", ScaleFree, (Argument("links", 1),), drawn=True),
    "clusters": Kind(
        "sites with few bridges between them",
        Clusters,
        (Argument("count", 1), Argument("bridges", 1)),
        drawn=True,
    ),
    "islands": Kind("two random graphs that meet when drawn anew", Islands, (_DEGREE,), drawn=True),
    "exponential": Kind("to those 1, 2, 4, ... places on", Exponential),
    "one-peer": Kind("one of those each round, in turn", OnePeerExponential),
    "base": Kind(
        "exact after finitely many rounds; at most base - 1 peers",
        BaseGraph,
        (Argument("base", 2),),
    ),
    "equidyn": Kind("each round a peer at one random distance for all", EquiDyn, drawn=True),
    "matching": Kind("each round random pairs", Matching, drawn=True),
    "el-oracle": Kind("each round a random regular graph", EpidemicOracle, (_FANOUT,), drawn=True),
    "el-local": Kind("each round each to some random peers", EpidemicLocal, (_FANOUT,), drawn=True),
}
USAGE: Final = (*(kind.usage(name) for name, kind in KINDS.items()), f"{EDGES}FILE")


def parse_topology(text: str, seed: int = 0) -> Topology:
    """The topology that `text` names, one of USAGE; what is drawn by chance is drawn from `seed`.

    Raises ConfigError.
    """
    if text.startswith(EDGES):
        return read_edges(text.removeprefix(EDGES))
    name, *given = text.split(":")
    where = f"topology {text[:40]!r}"
    kind = KINDS.get(name)
    if kind is None:
        known = suggest(name, [*KINDS, EDGES + "FILE"])
        raise ConfigError(f"{where} is unknown; {known}; `gossipfl topology list` explains them")
    if len(given) > len(kind.arguments):
        raise ConfigError(f"{where} has too many numbers: write {kind.usage(name)}")
    values = [
        argument.parse(value, where) for argument, value in zip(kind.arguments, given, strict=False)
    ]
    return kind.make(*values, **({"seed": seed} if kind.drawn else {}))
