"""A seed on a real device: its settings, and what it brings in the place of readings."""

from pathlib import Path
from typing import Any, Final

import numpy as np

from gossipfl.agreement import Agreement
from gossipfl.central.coordinator import Coordinator
from gossipfl.central.settings import CoordinatorSettings
from gossipfl.config import NodeConfig, load_beside
from gossipfl.node.learners import Bring
from gossipfl.node.observer import Observer

STATE: Final = Path("~/.gossipfl/seed")
# Of NodeConfig, what means something to a seed; `interval_s` is between exchanges with other seeds.
NODE_KEYS: Final = (
    "state",
    "listen",
    "peer",
    "mdns",
    "interface",
    "hints",
    "advertise",
    "preset",
    "interval_s",
    "bytes_per_day",
    "resend_s",
    "handshake_timeout_s",
    "probe_interval_s",
    "probe_timeout_s",
    "suspicion",
    "shuffle_interval_s",
    "members_max",
    "checkpoint_interval_s",
    "lateness_interval_s",
    "rounds",
    "seed",
)


def load_settings(
    path: Path | None, flags: dict[str, Any]
) -> tuple[NodeConfig, CoordinatorSettings]:
    """Of a TOML file, then of flags.  Raises ConfigError, one line with file, key and remedy."""
    return load_beside(CoordinatorSettings, NODE_KEYS, {"state": str(STATE)}, path, flags)


def bring_coordinator(settings: CoordinatorSettings) -> Bring:
    """What opens a seed's material, for `Device`."""

    def bring(config: NodeConfig, manifest: Agreement, _: bytes, __: Observer) -> Coordinator:
        return Coordinator(settings, manifest.parameters, np.random.default_rng(config.seed))

    return bring
