"""A release: what the operator wants all nodes to go on with, or the end of an earlier one.

A release is of a model, or of training settings.  The authority signs what it is, whom it reaches
when, and the hashes of a model's parts, which travel beside it; settings are in the release itself.
Numbers of each subject only grow, so an old release cannot come back.
"""

import hashlib
from typing import Any, Final

import attrs

from gossipfl.agreement import ID_BYTES
from gossipfl.errors import ConfigError
from gossipfl.models.sequential import PARAMETERS_MAX
from gossipfl.releases.slices import SALT_BYTES, Stage
from gossipfl.security.authority import Authority
from gossipfl.security.fields import check_size, pack, sized, unpack, whole
from gossipfl.security.signed import open_signed
from gossipfl.wire.releases import MODEL, PART_MAX, SETTINGS

KIND: Final = "release"
NUMBER_MAX: Final = 2**32 - 1
STAGES_MAX: Final = 8
PART_BYTES: Final = PART_MAX
PARTS_MAX: Final = -(-4 * PARAMETERS_MAX // PART_BYTES)
CONTENT_MAX: Final = 4 * PARAMETERS_MAX
HASH_BYTES: Final = 16
JUDGE_MAX_S: Final = 30 * 86_400
TOLERANCE_MAX: Final = 1000
SETTINGS_MAX: Final = 512


def _check_parts(_: object, attribute: "attrs.Attribute[Any]", value: Any) -> None:
    if not isinstance(value, tuple) or len(value) > PARTS_MAX:
        raise ConfigError(f"{attribute.name} are at most {PARTS_MAX}")
    for each in value:
        check_size("the hash of a part", each, HASH_BYTES, HASH_BYTES)


def _check_stages(_: object, attribute: "attrs.Attribute[Any]", value: tuple[Stage, ...]) -> None:
    reaches = [stage.reach for stage in value]
    if len(reaches) > STAGES_MAX or reaches != sorted(set(reaches)):
        raise ConfigError(f"{attribute.name} are at most {STAGES_MAX} and reach ever more nodes")


@attrs.frozen(kw_only=True)
class Release:
    """What the operator signs.

    number: a newer release of the same subject has a higher one.
    manifest_id: of the agreement whose vector the model is.
    withdraws: the number of the release that ends with this one, which brings no model then; or 0.
    subject: MODEL or SETTINGS.
    settings: what all train with once it is adopted, or at once where it withdraws another; former:
        until then, and when it fails.  See `releases.settings`; empty in releases of models.
    salt: random, so that every release has slices of its own.
    size: bytes of the model; parts: their hashes, PART_BYTES each but the last.
    stages: who uses the model when; the last reaches everybody.
    judge_s: for how long a node uses it before it says what it is worth.
    tolerance: thousandths by which it may be worse than what a node has, see `judging`.
    Raises ConfigError outside the limits.
    """

    number: int = attrs.field(validator=whole(1, NUMBER_MAX))
    manifest_id: bytes = attrs.field(validator=sized(ID_BYTES, ID_BYTES))
    withdraws: int = attrs.field(default=0, validator=whole(0, NUMBER_MAX))
    salt: bytes = attrs.field(validator=sized(SALT_BYTES, SALT_BYTES))
    size: int = attrs.field(default=0, validator=whole(0, CONTENT_MAX))
    parts: tuple[bytes, ...] = attrs.field(default=(), validator=_check_parts)
    stages: tuple[Stage, ...] = attrs.field(default=(), validator=_check_stages)
    judge_s: int = attrs.field(default=0, validator=whole(0, JUDGE_MAX_S))
    tolerance: int = attrs.field(default=0, validator=whole(0, TOLERANCE_MAX))
    subject: int = attrs.field(default=MODEL, validator=whole(MODEL, SETTINGS))
    settings: bytes = attrs.field(default=b"", validator=sized(0, SETTINGS_MAX))
    former: bytes = attrs.field(default=b"", validator=sized(0, SETTINGS_MAX))

    def __attrs_post_init__(self) -> None:
        if len(self.parts) != -(-self.size // PART_BYTES):
            raise ConfigError("there are as many hashes as parts")
        if self.withdraws >= self.number:
            raise ConfigError("a release withdraws an older one")
        everybody = bool(self.stages) and self.stages[-1].is_last
        if everybody != (self.withdraws == 0):
            raise ConfigError("a release is for everybody, or withdraws another")
        brings_settings = self.subject == SETTINGS
        if (len(self.settings) > 0, len(self.former) > 0) != (brings_settings,) * 2:
            raise ConfigError("a release of settings brings some, and those before; no other does")
        if (self.size > 0) != (everybody and not brings_settings):
            raise ConfigError("a release of a model brings one, unless it withdraws another")

    @property
    def body(self) -> bytes:
        """What the authority signs."""
        return pack(*attrs.astuple(self))

    @property
    def id(self) -> bytes:
        """What reports name it by, HASH_BYTES bytes."""
        return hash_part(self.body)


_FIELDS: Final = tuple(field.name for field in attrs.fields(Release))


def sign_release(authority: Authority, release: Release) -> bytes:
    """The signed release, at most RELEASE_MAX bytes, see `gossipfl.wire`."""
    return authority.sign(KIND, release.body)


def open_release(blob: bytes, authority: bytes) -> Release:
    """The release in a blob.  Raises Untrusted unless the authority signed it and it is valid."""
    return unpack(KIND, open_signed(blob, kind=KIND, authority=authority), _from_fields, _FIELDS)


def _from_fields(**fields: Any) -> Release:
    stages = fields.pop("stages")
    if not isinstance(stages, tuple) or not all(
        isinstance(each, tuple) and len(each) == len(attrs.fields(Stage)) for each in stages
    ):
        raise ConfigError("stages must be arrays of four")
    return Release(stages=tuple(Stage(*each) for each in stages), **fields)


def hash_part(content: bytes) -> bytes:
    """What stands for a part of a model in a release."""
    return hashlib.blake2b(content, digest_size=HASH_BYTES).digest()
