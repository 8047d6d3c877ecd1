"""Algorithms by name, as experiments and the command line write them."""

from gossipfl.errors import ConfigError
from gossipfl.manifest import Manifest
from gossipfl.simulation.gossip import Gossip
from gossipfl.simulation.world import Algorithm


def make_algorithm(text: str, manifest: Manifest, resend_s: float) -> Algorithm:
    """The algorithm that `text` names.  Raises ConfigError."""
    if text == "gossip":
        return Gossip(manifest, resend_s)
    raise ConfigError(f"algorithm {text[:40]!r} is unknown")
