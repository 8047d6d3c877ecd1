"""One link's push-pull: messages in, messages and journal records out, every exchange once.

Exchange number `sequence + 1` may be opened by either end.  Whoever opens it keeps its half as
`pending` and repeats those very bytes until an answer comes; whoever answers applies both halves
first and keeps its own to answer repetitions.  Two requests that cross answer each other.  The
digests show whether both ends mean the same exchange; when they do not, the end with the lower
id seeds the link anew.

The caller writes each returned record to stable storage before it sends the answer.
"""

from enum import Enum

from attrs import define

from gossipfl.compression.delta import Delta
from gossipfl.errors import LocalProtocolError, RemoteProtocolError
from gossipfl.gossip.link import Applied, LinkState, Offered, Planted, Record, Side, seed_digest
from gossipfl.gossip.replica import Replica
from gossipfl.gossip.scheme import Scheme
from gossipfl.wire.messages import MESSAGE_DIGEST_BYTES, Mismatch, Reply, Request, Seed

Place = Enum("Place", "NEXT REPEATED OVERTAKEN STALE WRONG")
_NEXT = Place.NEXT  # looking it up takes a call

ExchangeMessage = Request | Reply | Mismatch | Seed


@define
class Outcome:
    """What to send back, if anything, and what to remember, in this order."""

    answer: ExchangeMessage | None = None
    records: tuple[Record, ...] = ()


class Exchange:
    """One end of one link.

    link: names it among ours: the peer's id.
    ours_first: our id is the lower one of the two; it fixes the order in which anchors add.
    """

    def __init__(self, state: LinkState, scheme: Scheme, *, link: bytes, ours_first: bool) -> None:
        self.state = state
        self.link = link
        self.ours_first = ours_first
        self._scheme = scheme
        # A request one ahead of us, kept until the reply that is missing in between arrives.
        self._ahead: Request | None = None

    def offer(self, replica: Replica) -> tuple[Request, Offered]:
        """Open the next exchange.  Raises LocalProtocolError while one is open."""
        if self.state.pending is not None:
            raise LocalProtocolError("one exchange of this link is still open")
        ours = self._scheme.offer(replica, self.state.anchor)
        record = Offered(self.state.sequence + 1, ours)
        self.state.note_offered(record)
        return self._request(record.ours), record

    def repeat(self) -> Request | None:
        """The request that is still open, byte for byte as it was."""
        return self._request(self.state.pending) if self.state.pending else None

    def next_half(self, request: Request) -> Side | None:
        """What the request brings, if it is for the next exchange; None when it is for another.

        Raises RemoteProtocolError when its payload is not a delta of this model.
        """
        return self._their_side(request)[0] if self._place(request) is _NEXT else None

    def receive(self, replica: Replica, message: ExchangeMessage) -> Outcome:
        """Take one message in.

        Raises RemoteProtocolError, and changes nothing, when its payload is not a delta of
        this model.
        """
        if isinstance(message, Request):
            return self._on_request(replica, message)
        if isinstance(message, Reply):
            return self._on_reply(replica, message)
        if isinstance(message, Mismatch):
            return self._on_mismatch(replica, message)
        return self._on_seed(message)

    def replay_on_link(self, record: Record) -> None:
        """Rebuild the link's state after a restart from one journal record."""
        if isinstance(record, Offered):
            self.state.note_offered(record)
        elif isinstance(record, Planted):
            self._plant(record)
            # The end that sends seeds repeats this one, as it would have without the restart.
            self.state.seed = record.payload if self.ours_first else None
        else:
            mix = self._scheme.mix(record, self._theirs(record), self.ours_first)
            self._scheme.mix_anchor(self.state.anchor, mix)
            self.state.note_applied(record, self.ours_first)

    def replay_on_replica(self, replica: Replica, record: Record) -> None:
        """Rebuild the model after a restart from one journal record."""
        if isinstance(record, Applied):
            mix = self._scheme.mix(record, self._theirs(record), self.ours_first)
            self._scheme.mix_replica(replica, self.link, mix)

    def _on_request(self, replica: Replica, request: Request) -> Outcome:
        place = self._place(request)
        if place is _NEXT:
            return self._answer(replica, request)
        if place is Place.REPEATED:
            return Outcome(self._repeated_reply())
        if place is Place.OVERTAKEN:
            self._scheme.read(request.payload)
            self._ahead = request
            return Outcome(self.repeat())
        return self._disagree(replica) if place is Place.WRONG else Outcome()

    def _place(self, request: Request) -> Place:
        """Where a request stands in our count of exchanges."""
        state, ahead = self.state, request.sequence - self.state.sequence - 1
        if ahead == 0:
            is_next = request.digest == state.digest[:MESSAGE_DIGEST_BYTES]
            return _NEXT if is_next else Place.WRONG
        if ahead == -1:
            is_last = request.digest == state.before[:MESSAGE_DIGEST_BYTES]
            return Place.REPEATED if is_last else Place.WRONG
        if ahead == 1 and state.pending:
            # They have applied our open exchange and gone on; their answer to it was lost.
            return Place.OVERTAKEN
        return Place.STALE if ahead < 0 else Place.WRONG

    def _answer(self, replica: Replica, request: Request) -> Outcome:
        theirs, delta = self._their_side(request)
        crossing = self.state.pending
        # When requests cross, what we already offered is our half: it may be on its way.
        ours = crossing or self._scheme.offer(replica, self.state.anchor)
        record = Applied(request.sequence, ours, theirs)
        self._apply(replica, record, delta)
        return Outcome(None if crossing else _reply(record, request.digest), (record,))

    def _on_reply(self, replica: Replica, reply: Reply) -> Outcome:
        state = self.state
        if state.pending is None or reply.sequence != state.sequence + 1:
            return Outcome()
        if reply.digest != state.digest[:MESSAGE_DIGEST_BYTES]:
            return self._disagree(replica)
        theirs, delta = self._their_side(reply)
        record = Applied(reply.sequence, state.pending, theirs)
        self._apply(replica, record, delta)
        if self._ahead is None:
            return Outcome(None, (record,))
        follow = self._answer_ahead(replica, self._ahead)
        return Outcome(follow.answer, (record, *follow.records))

    def _answer_ahead(self, replica: Replica, request: Request) -> Outcome:
        """Their next request came before their reply: now it is its turn, without a repeat."""
        self._ahead = None
        if self._place(request) is not _NEXT:
            return Outcome()
        return self._answer(replica, request)

    def _on_mismatch(self, replica: Replica, message: Mismatch) -> Outcome:
        state = self.state
        agreed = (message.sequence, message.digest) == (state.sequence, state.digest)
        return Outcome() if agreed or not self.ours_first else self._disagree(replica)

    def _on_seed(self, message: Seed) -> Outcome:
        if self.ours_first:
            raise RemoteProtocolError("a seed from the end that must not send one")
        if self.state.base == seed_digest(message.payload):
            return Outcome()
        record = Planted(message.payload)
        self._plant(record)
        return Outcome(records=(record,))

    def _disagree(self, replica: Replica) -> Outcome:
        if not self.ours_first:
            return Outcome(Mismatch(self.state.sequence, self.state.digest))
        if self.state.seed is not None:
            return Outcome(Seed(self.state.seed))
        record = Planted(self._scheme.seed(replica))
        self._plant(record)
        self.state.seed = record.payload
        return Outcome(Seed(record.payload), (record,))

    def _plant(self, record: Planted) -> None:
        self._scheme.plant(self.state.anchor, record.payload)
        self.state.note_planted(record.payload)

    def _apply(self, replica: Replica, record: Applied, theirs: Delta) -> None:
        state, ours_first = self.state, self.ours_first
        self._scheme.merge(replica, self.link, state.anchor, record, theirs, ours_first)
        state.note_applied(record, ours_first)

    def _theirs(self, record: Applied) -> Delta:
        return self._scheme.read(record.theirs.payload)

    def _their_side(self, half: Request | Reply) -> tuple[Side, Delta]:
        """What they say, and their payload as it is read."""
        delta, samples = self._scheme.read(half.payload), half.samples
        if samples is None:
            if self.state.last is None:
                raise RemoteProtocolError("the first exchange of a link does not say its samples")
            samples = self.state.last.theirs.samples
        return Side(samples, half.activity, half.payload), delta

    def _request(self, ours: Side) -> Request:
        state = self.state
        known = state.last is not None and state.last.ours.samples == ours.samples
        samples = None if known else ours.samples
        digest = state.digest[:MESSAGE_DIGEST_BYTES]
        return Request(state.sequence + 1, digest, ours.activity, samples, ours.payload)

    def _repeated_reply(self) -> Reply | None:
        if self.state.last is None:
            return None
        return _reply(self.state.last, self.state.before[:MESSAGE_DIGEST_BYTES])


def _reply(record: Applied, digest: bytes) -> Reply:
    """With our half; digest: before the exchange, as messages have it."""
    ours = record.ours
    return Reply(record.sequence, digest, ours.activity, ours.samples, ours.payload)
