"""The messages by which a seed passes sealed frames between two members that it is linked to."""

from attrs import field, frozen
from attrs.validators import instance_of

from gossipfl.wire.fields import integer, octets, text

_NUMBER_MAX = 2**16 - 1
BODY_MAX = 65_535


@frozen
class RelayOpen:
    """To a seed: please link me to `member`, an id; from a seed: `member` wants a link to you.

    number: what the sender calls this relayed link from now on.
    """

    number: int = field(validator=integer(1, _NUMBER_MAX))
    member: bytes = field(validator=octets(8, 8))


@frozen
class RelayFrame:
    """One sealed frame of a relayed link; mine: its number is the sender's, not the receiver's."""

    number: int = field(validator=integer(1, _NUMBER_MAX))
    mine: bool = field(validator=instance_of(bool))
    body: bytes = field(validator=octets(1, BODY_MAX))


@frozen
class RelayClose:
    """A relayed link has ended, or never began, and why, in one line for your log."""

    number: int = field(validator=integer(1, _NUMBER_MAX))
    mine: bool = field(validator=instance_of(bool))
    reason: str = field(validator=text(r"[ -~]{1,200}\Z"))
