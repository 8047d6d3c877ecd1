"""A seed on a real device: its settings, and what it brings in the place of readings."""

from pathlib import Path
from typing import Any, Final

import attrs
import numpy as np

from gossipfl.agreement import Agreement
from gossipfl.central.coordinator import Coordinator
from gossipfl.central.settings import CoordinatorSettings
from gossipfl.config import NodeConfig, build_config
from gossipfl.node.learners import Bring
from gossipfl.node.observer import Observer
from gossipfl.toml import build, check_keys, read_toml

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
COORDINATOR_KEYS: Final = tuple(each.name for each in attrs.fields(CoordinatorSettings))


def load_settings(
    path: Path | None, flags: dict[str, Any]
) -> tuple[NodeConfig, CoordinatorSettings]:
    """Of a TOML file, then of flags.  Raises ConfigError, one line with file, key and remedy."""
    settings = read_toml(path) if path else {}
    if path:
        _build(settings, str(path))  # first alone, so that its own errors name it
    return _build(settings | flags, "the command line")


def _build(settings: dict[str, Any], where: str) -> tuple[NodeConfig, CoordinatorSettings]:
    check_keys(settings, (*NODE_KEYS, *COORDINATOR_KEYS), where)
    node = {key: value for key, value in settings.items() if key in NODE_KEYS}
    coordinator = {key: value for key, value in settings.items() if key in COORDINATOR_KEYS}
    config = build_config({"state": str(STATE)} | node, where)
    return config, build(CoordinatorSettings, coordinator, where)


def bring_coordinator(settings: CoordinatorSettings) -> Bring:
    """What opens a seed's material, for `Device`."""

    def bring(config: NodeConfig, manifest: Agreement, _: bytes, __: Observer) -> Coordinator:
        return Coordinator(settings, manifest.parameters, np.random.default_rng(config.seed))

    return bring
