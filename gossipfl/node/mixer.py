"""Runs the exchanges of one node: the core decides, this file remembers and sends."""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import trio

from gossipfl.central.links import CentralLinks, Purpose, is_central, peer_of
from gossipfl.gossip.allowance import Allowance
from gossipfl.gossip.exchange import Exchange, ExchangeMessage
from gossipfl.gossip.link import Applied, LinkState, Record, Side
from gossipfl.gossip.replica import Replica
from gossipfl.gossip.scheme import Scheme
from gossipfl.node.durations import Durations
from gossipfl.node.mesh import Neighbour
from gossipfl.node.observer import Observer
from gossipfl.node.state.journal import Journal
from gossipfl.node.state.store import LinksCheckpoint, Saved
from gossipfl.wire.messages import Request

LINKS_MAX: Final = 64
LATENCIES_MAX: Final = 1000


class Mixer:
    """The replica and one exchange state machine per peer, live or not.

    central: of links between seeds and clients; links_max: links to remember.
    allowance: of bytes; sent_bytes: by the whole node, since it started.
    """

    def __init__(
        self,
        replica: Replica,
        scheme: Scheme,
        central: CentralLinks,
        own_key: bytes,
        journal: Journal,
        observer: Observer,
        allowance: Allowance,
        sent_bytes: Callable[[], int],
        links_max: int,
        beyond: Mapping[bytes, Scheme],
    ) -> None:
        """beyond: schemes of links with what is no neighbour, by the peer's name among ours."""
        self.replica = replica
        self.central = central
        self._links_max = links_max
        self._beyond = beyond
        self._allowance = allowance
        self._sent_bytes = sent_bytes
        self._scheme = scheme
        self._own_key = own_key
        self._journal = journal
        self._observer = observer
        self._exchanges: dict[bytes, Exchange] = {}
        self.applied = 0
        self.planted = 0
        self.latencies = Durations(LATENCIES_MAX)

    def restore(self, saved: Saved) -> None:
        """Rebuild links, and what the model missed, from the store."""
        model_position = saved.model.position if saved.model else 0
        for link, (_, state) in saved.links.items():
            self._exchanges[link] = self._new_exchange(link, state)
        for row in saved.rows:
            position, _ = saved.links.get(row.peer, (0, None))
            exchange = self._exchange(row.peer)
            if row.position > position:
                exchange.replay_on_link(row.record)
            if row.position > model_position:
                exchange.replay_on_replica(self.replica, row.record)

    def state_beyond(self, peer: bytes) -> LinkState:
        """Our end of a link beyond the mesh; whoever moves it sees to the journal."""
        return self._exchange(peer).state

    def is_ready(self, neighbour: Neighbour, resend_s: float) -> bool:
        """We may open an exchange with it, or repeat one that was not answered in time."""
        if not self.owes_answer(neighbour):
            return True
        offered_s = neighbour.offered_s
        return offered_s is None or trio.current_time() - offered_s >= resend_s

    def awaits(self, neighbour: Neighbour) -> bool:
        """We have opened an exchange with it that it may have applied already."""
        return self._exchange(neighbour.key).state.pending is not None

    def is_unused(self, neighbour: Neighbour) -> bool:
        """Nothing was ever exchanged with it, and it is worth beginning."""
        if neighbour.is_central and not self.central.merges and self.replica.rounds:
            return False
        state = self._exchange(neighbour.exchange).state
        return state.last is None and state.pending is None

    def owes_answer(self, neighbour: Neighbour) -> bool:
        """It has a request of ours."""
        exchange = self._exchanges.get(neighbour.exchange)
        return exchange is not None and exchange.state.pending is not None

    def warmth(self, peer: bytes) -> int:
        """How many exchanges the link to the peer with this key ever had."""
        exchange = self._exchanges.get(peer)
        return 0 if exchange is None else exchange.state.sequence

    async def offer_to(self, neighbour: Neighbour, purpose: Purpose = Purpose.VISIT) -> None:
        """Open an exchange, or repeat the request that is open, unless bytes are short.

        purpose: of one with a seed.
        Raises Unreachable when the link is gone; the request stays open.
        """
        request = await self.open(neighbour, purpose)
        if request is not None:
            await neighbour.send(request)

    async def open(self, neighbour: Neighbour, purpose: Purpose) -> Request | None:
        """The request that `offer_to` sends, if any, written and to be sent now."""
        if not self._affords_message():
            return None
        # Noted before we wait for the disk, or the next round would repeat it at once.
        neighbour.offered_s = trio.current_time()
        exchange = self._exchange(neighbour.exchange)
        request = exchange.repeat()
        if neighbour.answered.is_set():
            neighbour.answered = trio.Event()
        if request is None:
            neighbour.opened_s = neighbour.offered_s
            self.central.purpose = purpose
            request, record = exchange.offer(self.replica)
            self._journal.append(neighbour.exchange, record)
        # A repeated request may be on its way to the disk as well.
        await self._journal.wait_written(self._journal.position)
        return request

    async def take(self, neighbour: Neighbour, message: ExchangeMessage) -> None:
        """Apply one message; what must survive is written before the answer leaves.

        A request that we cannot afford to answer is passed over, as if it were lost: the peer
        repeats it.  Raises RemoteProtocolError for a payload that is no delta of our model.
        """
        if not self._affords_message() and isinstance(message, Request):
            return
        await self.send(neighbour, self.apply(neighbour, message))

    def apply(self, neighbour: Neighbour, message: ExchangeMessage) -> ExchangeMessage | None:
        """What `take` does at once; returns what answers the message, for `send`."""
        exchange = self._exchange(neighbour.exchange)
        was_open = exchange.state.pending is not None
        outcome = exchange.receive(self.replica, message)
        if was_open and exchange.state.pending is None:
            neighbour.answered.set()
            if neighbour.opened_s is not None:
                self.latencies.note(trio.current_time() - neighbour.opened_s)
        for record in outcome.records:
            self._journal.append(neighbour.exchange, record)
            self._count(neighbour, record)
        return outcome.answer

    async def send(self, neighbour: Neighbour, answer: ExchangeMessage | None) -> None:
        """Send an answer, if there is one, as soon as all that it may rest on is written.

        Where nothing is answered a crash costs nothing: the request is repeated, and so is its
        answer.
        """
        if answer is not None:
            await self._journal.wait_written(self._journal.position)
            await neighbour.send(answer)

    def next_half(self, neighbour: Neighbour, request: Request) -> Side | None:
        """What a request brings that is the next one of its link; None when it is another.

        Raises RemoteProtocolError for a payload that is no delta of our model.
        """
        return self._exchange(neighbour.exchange).next_half(request)

    def unlinked(self, neighbour: Neighbour) -> None:
        """What is held in common with it is remembered."""

    def checkpoint_links(self) -> None:
        """Write all links, so that older journal rows can go."""
        links = {link: _copy(exchange.state) for link, exchange in self._exchanges.items()}
        self._journal.put(LinksCheckpoint(self._journal.position, links))

    def affords(self, size: int) -> bool:
        """Whether so many bytes may be sent beside exchanges."""
        self._allowance.note(trio.current_time(), self._sent_bytes())
        return self._allowance.balance >= size

    def _affords_message(self) -> bool:
        if self._allowance.is_endless:
            return True
        self._allowance.note(trio.current_time(), self._sent_bytes())
        return self._allowance.affords_message

    def _count(self, neighbour: Neighbour, record: Record) -> None:
        if isinstance(record, Applied):
            neighbour.exchanges += 1
            neighbour.samples = record.theirs.samples
            self.applied += 1
            if self.applied == 1:
                self._observer.emit("exchange.first", peer=neighbour.name)
        else:
            self.planted += 1
            self._observer.emit("link.seeded", peer=neighbour.name)

    @property
    def links(self) -> int:
        """How many we remember."""
        return len(self._exchanges)

    def _exchange(self, link: bytes) -> Exchange:
        # Re-inserting keeps the dictionary in order of use; the least used link makes room.
        exchange = self._exchanges.pop(link, None)
        if exchange is None:
            exchange = self._new_exchange(link, LinkState(self._scheme_of(link).new_anchor()))
        self._exchanges[link] = exchange
        if len(self._exchanges) > self._links_max:
            del self._exchanges[next(each for each in self._exchanges if each not in self._beyond)]
        return exchange

    def _new_exchange(self, link: bytes, state: LinkState) -> Exchange:
        ours_first = link in self._beyond or self._own_key < peer_of(link)
        return Exchange(state, self._scheme_of(link), link=link, ours_first=ours_first)

    def _scheme_of(self, link: bytes) -> Scheme:
        if is_central(link):
            return self.central
        return self._beyond.get(link, self._scheme)


def _copy(state: LinkState) -> LinkState:
    """What is written later must be what is true now."""
    copy = LinkState(np.copy(state.anchor), state.sequence, state.digest, state.before, state.base)
    copy.pending, copy.last, copy.seed = state.pending, state.last, state.seed
    return copy
