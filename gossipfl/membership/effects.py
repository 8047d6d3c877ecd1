"""What the state machines want done: the only things that they ask of their driver."""

from typing import Literal

from attrs import frozen

from gossipfl.membership.records import Id
from gossipfl.wire.messages import Message


@frozen
class Send:
    """Send this to the neighbour `to`, if its link is still there."""

    to: Id
    message: Message


@frozen
class Visit:
    """Dial the member `whom`, to whom we have no link, and say whether it answered."""

    whom: Id


@frozen
class End:
    """End the link to `whom`, for this reason."""

    whom: Id
    reason: str


@frozen
class Dead:
    """`whom`, our neighbour, has not been heard in all the time that it had."""

    whom: Id


@frozen
class Noted:
    """Something for the log; `about` is a member, and `by` who said it."""

    event: Literal[
        "member.joined",
        "member.moved",
        "member.suspected",
        "member.cleared",
        "member.died",
        "member.revived",
        "member.same_name",
        "member.accused_us",
        "member.copied",
    ]
    about: Id
    by: Id | None = None


Effect = Send | Visit | End | Dead | Noted
