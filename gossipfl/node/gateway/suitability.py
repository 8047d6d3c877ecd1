"""Whether microcontrollers can take part in a cluster, and what they are asked to do there."""

import math

from gossipfl.agreement import Agreement
from gossipfl.config import NodeConfig
from gossipfl.devices.plan import DevicePlan
from gossipfl.errors import ConfigError
from gossipfl.manifest import Manifest
from gossipfl.models.personalisation import Personalisation


def plan_for(manifest: Agreement, config: NodeConfig) -> DevicePlan:
    """Raises ConfigError, which says what another cluster would need."""
    if not isinstance(manifest, Manifest):
        raise ConfigError("microcontrollers cannot train models of a framework: one of layers only")
    unsuited = {
        "standardise inputs: --standardise none, and give devices samples of about unit size": (
            manifest.standardises
        ),
        "project inputs: leave --basis out": manifest.basis != "identity",
        "learn to run in 8 bits: leave --quantise out": manifest.quantise != "none",
        "have private layers: leave --private and --fine-tune out": (
            manifest.personal != Personalisation()
        ),
        "gossip whole models: --scheme anchored": manifest.scheme != "anchored",
    }
    for what, found in unsuited.items():
        if found:
            raise ConfigError(f"a cluster with microcontrollers cannot {what}")
    return DevicePlan(
        spec=manifest.model(),
        settings=manifest.training,
        keep_ratio=manifest.keep_ratio,
        # One that is quicker than its node would make the same steps twice.
        interval_s=math.ceil(config.interval_s),
    )
