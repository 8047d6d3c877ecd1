"""Who gets a release when: nodes have places in it by hash, alike for all who compute them."""

import hashlib
import math
from collections.abc import Iterable
from typing import Final

import attrs

from gossipfl.errors import ConfigError
from gossipfl.security.fields import whole

SALT_BYTES: Final = 8
PLACES: Final = 2**32
# Of a slice, so many say what they found: enough to judge, few enough to tell everybody.
JUDGES_MAX: Final = 24


@attrs.frozen
class Stage:
    """One slice: those whose place lies below `reach` and in no earlier slice.

    judges: of those, the ones below this place report what they find.
    quorum: reports that it takes to pass; alarm: reports of worse that it takes to fail.
    Raises ConfigError outside the limits.
    """

    reach: int = attrs.field(validator=whole(1, PLACES))
    judges: int = attrs.field(validator=whole(1, PLACES))
    quorum: int = attrs.field(validator=whole(1, JUDGES_MAX))
    alarm: int = attrs.field(validator=whole(1, JUDGES_MAX))

    def __attrs_post_init__(self) -> None:
        if self.judges > self.reach or self.alarm > self.quorum:
            raise ConfigError("judges belong to their slice, and an alarm is part of a quorum")

    @property
    def is_last(self) -> bool:
        """Whether it reaches everybody."""
        return self.reach == PLACES


def place_of(salt: bytes, member: bytes) -> int:
    """A member's place in a release, 0 to PLACES - 1; member: its id."""
    return int.from_bytes(hashlib.blake2b(member, digest_size=4, key=salt).digest(), "big")


def slice_of(stages: tuple[Stage, ...], place: int) -> int:
    """The number of the stage whose slice holds this place; the last one reaches all."""
    return next(number for number, stage in enumerate(stages) if place < stage.reach)


def plan_stages(
    members: Iterable[bytes], salt: bytes, shares: tuple[float, ...], quorum: float
) -> tuple[Stage, ...]:
    """The stages that reach these shares of the members, at least one member more each.

    shares: ascending, the last is 1; quorum: the share of a slice's judges that has to report.
    A stage fails when more than half as many as make a quorum find it worse.
    Raises ConfigError when there are no members, or when shares are none.
    """
    places = sorted(place_of(salt, member) for member in members)
    if not places:
        raise ConfigError("no device is admitted yet: there is nobody to release to")
    _check_shares(shares, quorum)
    stages: list[Stage] = []
    reached = 0
    for share in shares:
        count = max(1, math.ceil(share * len(places)))
        if count > reached:
            stages.append(_stage(places, reached, count, quorum))
            reached = count
    return tuple(stages)


def _stage(places: list[int], reached: int, count: int, quorum: float) -> Stage:
    judges = min(count - reached, JUDGES_MAX)
    needed = max(1, math.ceil(quorum * judges))
    return Stage(
        reach=PLACES if count == len(places) else places[count - 1] + 1,
        judges=places[reached + judges - 1] + 1,
        quorum=needed,
        alarm=needed // 2 + 1,
    )


def _check_shares(shares: tuple[float, ...], quorum: float) -> None:
    if not shares or list(shares) != sorted(set(shares)) or shares[0] <= 0 or shares[-1] != 1:
        raise ConfigError("stages ascend and end at 100%, such as 5%,25%,100%")
    if not 0 < quorum <= 1:
        raise ConfigError(f"a quorum is above 0 and at most 1, not {quorum!r}")
