"""Training settings that an operator may change in a running cluster, and how a release has them.

Those of a node's own local steps may change: links, merges and models stay as they are.  What
vectors, links or the aim of learning are made of may not: `REASONS` says why.
"""

from typing import Any, Final

import attrs
import msgpack
from attrs import frozen

from gossipfl.errors import ConfigError, Untrusted
from gossipfl.learning.settings import TrainingSettings
from gossipfl.learning.training import check_change
from gossipfl.releases.bounds import Bounds
from gossipfl.releases.content import Content
from gossipfl.releases.release import Release
from gossipfl.releases.rollout import Rollout
from gossipfl.suggestion import suggest
from gossipfl.wire.releases import SETTINGS

CHANGEABLE: Final = tuple(
    field.name
    for field in attrs.fields(TrainingSettings)
    if field.name not in ("class_weights", "optimizer")
)
_VECTOR: Final = "is what the gossiped vector is made of"
_LINK: Final = "is what both ends of every link hold in common"
_DEVICE: Final = "belongs to each device: it is a flag of `gossipfl node`"
REASONS: Final = {
    "optimizer": "has begun on every node, and what it remembers of earlier steps suits no other",
    "class_weights": "is the aim of learning: nodes with others would pull another way",
    "loss": "is the aim of learning: nodes with another would pull another way",
    **dict.fromkeys(("layers", "shape", "basis", "quantise", "personal", "seed"), _VECTOR),
    **dict.fromkeys(("schema", "standardise"), "says what all nodes' inputs mean"),
    **dict.fromkeys(("scheme", "bits", "trust"), _LINK),
    "keep_ratio": "trades bytes, which no held-back row can judge; a device's own limits are "
    "--bytes-per-day and --max-message-bytes",
    **dict.fromkeys(("interval_s", "stop_after", "validation"), _DEVICE),
}


def change_settings(agreed: TrainingSettings, changes: dict[str, Any]) -> TrainingSettings:
    """The settings that the cluster agreed on, with these changes.

    Raises ConfigError for what a release cannot change, and for values outside their range.
    """
    for name in changes:
        if name in REASONS:
            raise ConfigError(f"{name} cannot be released: it {REASONS[name]}")
        if name not in CHANGEABLE:
            raise ConfigError(f"unknown key {name[:40]!r}; {suggest(name, CHANGEABLE)}")
    try:
        settings = attrs.evolve(agreed, **changes)
        check_change(agreed, settings)
        return settings
    except (TypeError, ValueError, AttributeError) as error:
        raise ConfigError(f"settings: {error}") from None


def encode_settings(settings: TrainingSettings) -> bytes:
    """All that may change, as a release has it."""
    return bytes(msgpack.packb([getattr(settings, name) for name in CHANGEABLE]))


def decode_settings(body: bytes, agreed: TrainingSettings) -> TrainingSettings:
    """The reverse; what may not change is as agreed.  Raises Untrusted for anything else."""
    try:
        values = dict(zip(CHANGEABLE, msgpack.unpackb(body), strict=True))
        settings = change_settings(agreed, values)
    except (ValueError, TypeError, ConfigError, msgpack.UnpackException) as error:
        raise Untrusted(f"settings of a release that are none: {str(error)[:80]}") from None
    return settings


@frozen
class SettingsBounds(Bounds[TrainingSettings]):
    """agreed: by the cluster; None where training is an app's own affair."""

    subject = SETTINGS
    takes_time = True
    agreed: TrainingSettings | None

    def check(self, release: Release) -> None:
        """Raises Untrusted for a release that is meant for others, or of settings that are none."""
        super().check(release)
        if self.agreed is not None:
            decode_settings(release.settings, self.agreed)
            decode_settings(release.former, self.agreed)

    def read(self, release: Release, content: Content) -> TrainingSettings | None:
        """None where training is an app's own affair."""
        return self._open(release.settings)

    def in_force(self, rollout: Rollout[TrainingSettings]) -> TrainingSettings | None:
        """What to train with, as far as this node knows: the same for all who know the same."""
        release = rollout.release
        if release is None:
            return self.agreed
        new = rollout.phase in ("adopted", "withdrawn")
        return self._open(release.settings if new else release.former)

    def _open(self, body: bytes) -> TrainingSettings | None:
        return None if self.agreed is None else decode_settings(body, self.agreed)
