"""The messages about releases, see `gossipfl.releases`.

Releases of models and of settings have numbers of their own; only models have parts.
"""

from attrs import field, frozen
from attrs.validators import instance_of

from gossipfl.wire.fields import integer, octets, tuple_of

# Subjects.
MODEL, SETTINGS = 0, 1
RELEASE_MAX = 2048
REPORT_MAX = 1024
REPORTS_MAX = 64
DIGESTS_MAX = 1024
PART_MAX = 8 * 1024
WANTED_MAX = 8
_NUMBER_MAX = 2**32 - 1
_INDEX_MAX = 63


@frozen
class KnownRelease:
    """What we hold of the newest release that we know.

    number: its own, 0 for none; whole: whether we have all of its model.
    adopted: number of the release that our model goes on from, 0 for none.
    digests: of reports about it that we hold, and may leave out once we have told.
    """

    number: int = field(validator=integer(0, _NUMBER_MAX))
    whole: bool = field(validator=instance_of(bool))
    adopted: int = field(validator=integer(0, _NUMBER_MAX))
    digests: tuple[bytes, ...] = field(validator=tuple_of(octets(8, 8), DIGESTS_MAX))
    subject: int = field(default=MODEL, validator=integer(MODEL, SETTINGS))


@frozen
class ReleaseUpdate:
    """A release that you lack, signed, or nothing; and reports about release `number`."""

    number: int = field(validator=integer(1, _NUMBER_MAX))
    signed: bytes = field(validator=octets(0, RELEASE_MAX))
    reports: tuple[bytes, ...] = field(validator=tuple_of(octets(1, REPORT_MAX), REPORTS_MAX))
    subject: int = field(default=MODEL, validator=integer(MODEL, SETTINGS))


@frozen
class PartsWanted:
    """Please send these parts of the model of release `number`."""

    number: int = field(validator=integer(1, _NUMBER_MAX))
    indices: tuple[int, ...] = field(validator=tuple_of(integer(0, _INDEX_MAX), WANTED_MAX))


@frozen
class ReleasePart:
    """One part of that model."""

    number: int = field(validator=integer(1, _NUMBER_MAX))
    index: int = field(validator=integer(0, _INDEX_MAX))
    body: bytes = field(validator=octets(1, PART_MAX))
