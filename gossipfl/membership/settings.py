"""How eagerly members watch each other and tell of each other."""

from typing import Final

import attrs
from attrs.validators import ge, gt, in_

from gossipfl.errors import ConfigError

# What one probe and one shuffle cost a node, on average, as sent over sealed links.
PROBE_BYTES: Final = 2 * 22
SHUFFLE_BYTES: Final = 2 * 280
# Of the bytes that a node may send; deltas are worth more.
SHARE: Final = 1 / 5
DAY_S: Final = 86_400


@attrs.frozen(kw_only=True)
class Settings:
    """Times in seconds.  Lower: failures are noticed sooner, and more bytes are spent.

    probe_interval_s: one neighbour is asked for life every so often, SWIM's protocol period.
    probe_timeout_s: patience with its answer, before others are asked to try; about the slowest
        link's 99th percentile.
    relays: so many others are asked.
    suspicion: a suspect has this many times log10(members) probe intervals to be heard, at the
        least; suspicion_max: so many times longer while nobody else fails to reach it.
    health_max: probes take up to this many times longer while we ourselves seem slow.
    shuffle_interval_s: a neighbour and we tell each other whom we know, every so often.
    lifeguard: local health, nacks, growing suspicion and repeated asking (Dadgar, Phillips and
        Currey, "Lifeguard", 2018); without, it is plain SWIM (Das, Gupta and Motivala, 2002).
    members_max: others to know at most; view: links to keep up; view_max: links to have at most.
    """

    probe_interval_s: float = attrs.field(default=5.0, validator=gt(0))
    probe_timeout_s: float = attrs.field(default=2.0, validator=gt(0))
    relays: int = attrs.field(default=3, validator=ge(0))
    suspicion: int = attrs.field(default=4, validator=ge(1))
    suspicion_max: int = attrs.field(default=6, validator=ge(1))
    health_max: int = attrs.field(default=8, validator=ge(1))
    shuffle_interval_s: float = attrs.field(default=60.0, validator=gt(0))
    lifeguard: bool = attrs.field(default=True, validator=in_((True, False)))
    members_max: int = attrs.field(default=1024, validator=ge(1))
    view: int = attrs.field(default=4, validator=ge(1))
    view_max: int = attrs.field(default=8, validator=ge(1))

    def __attrs_post_init__(self) -> None:
        if self.probe_timeout_s >= self.probe_interval_s:
            raise ConfigError("probe_timeout_s must be below probe_interval_s: then others try")

    def within(self, bytes_per_day: float) -> "Settings":
        """The same at longer intervals, where they would take too much of so many bytes."""
        bytes_per_s = PROBE_BYTES / self.probe_interval_s + SHUFFLE_BYTES / self.shuffle_interval_s
        stretch = max(1.0, bytes_per_s * DAY_S / (SHARE * bytes_per_day))
        return attrs.evolve(
            self,
            probe_interval_s=self.probe_interval_s * stretch,
            shuffle_interval_s=self.shuffle_interval_s * stretch,
        )
