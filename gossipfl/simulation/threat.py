"""Who of the nodes attacks, and how."""

from collections.abc import Sequence
from typing import Final

from attrs import frozen

from gossipfl.data.dataset import Dataset
from gossipfl.errors import ConfigError
from gossipfl.simulation.attacks.base import Attack, Lie, Poison
from gossipfl.simulation.attacks.named import parse_attack
from gossipfl.simulation.chance import stream


@frozen
class Threat:
    """attackers: the nodes that do `attack`."""

    attack: Attack | None
    attackers: frozenset[int]

    def lie_of(self, node: int) -> Lie | None:
        """What this node's messages claim, unless it is the truth."""
        return self.attack if isinstance(self.attack, Lie) and node in self.attackers else None

    def poison(self, parts: Sequence[Dataset], classes: int) -> Sequence[Dataset]:
        """What every node trains on, of its own part of the rows; classes: 0 for a regression."""
        attack = self.attack
        if not isinstance(attack, Poison):
            return parts
        return [
            attack.poison(part, classes) if node in self.attackers else part
            for node, part in enumerate(parts)
        ]


NO_THREAT: Final = Threat(None, frozenset())


def make_threat(attack: str | None, share: float, nodes: int, seed: int) -> Threat:
    """The named attack by a random `share` of the nodes.

    Raises ConfigError for an attack without attackers or the reverse, and when nobody is honest.
    """
    if attack is None and not share:
        return NO_THREAT
    count = round(share * nodes)
    if attack is None or not count:
        raise ConfigError("an attack takes attackers, and attackers an attack: give both")
    if count == nodes:
        raise ConfigError(f"{count} attackers among {nodes} nodes leave nobody to measure")
    drawn = stream(seed, "attackers").permutation(nodes)[:count]
    return Threat(parse_attack(attack), frozenset(drawn.tolist()))
