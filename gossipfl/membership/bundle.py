"""News of members on their way out: what is said to one neighbour at about the same time is one
message.

Where many members start together each has news of all others, and a message a piece would cost
more than all else that they do.
"""

from attrs import define, field

from gossipfl.membership.effects import Send
from gossipfl.membership.records import Id
from gossipfl.wire.messages import MEMBERS_MAX, RECORDS_MAX, Members, Message


@define
class _Waiting:
    """Ids and their newest incarnations, and obituaries."""

    known: dict[Id, int] = field(factory=dict)
    obituaries: dict[bytes, None] = field(factory=dict)  # a set that keeps its order

    def add(self, message: Members) -> None:
        for member, incarnation in message.known:
            self.known[member] = max(incarnation, self.known.get(member, 0))
        self.obituaries |= dict.fromkeys(message.obituaries)

    def messages(self) -> list[Members]:
        """As few as can hold it all."""
        known, obituaries = list(self.known.items()), list(self.obituaries)
        places = range(max(-(-len(known) // MEMBERS_MAX), -(-len(obituaries) // RECORDS_MAX)))
        return [
            Members(
                known=tuple(known[MEMBERS_MAX * i : MEMBERS_MAX * (i + 1)]),
                obituaries=tuple(obituaries[RECORDS_MAX * i : RECORDS_MAX * (i + 1)]),
            )
            for i in places
        ]


class Bundle:
    """What waits for each neighbour."""

    def __init__(self) -> None:
        self._waiting: dict[Id, _Waiting] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, to: Id, message: Message) -> bool:
        """Keep a message that is nothing but news; False when it is to be sent as it is."""
        if not isinstance(message, Members):
            return False
        if message.asks or message.wanted or message.records:
            return False
        self._waiting.setdefault(to, _Waiting()).add(message)
        return True

    def take(self) -> list[Send]:
        """All that waits."""
        waiting, self._waiting = self._waiting, {}
        return [Send(to, message) for to, each in waiting.items() for message in each.messages()]
