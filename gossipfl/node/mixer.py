"""Runs the exchanges of one node: the core decides, this file remembers and sends."""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import trio

from gossipfl.gossip.allowance import Allowance
from gossipfl.gossip.exchange import Exchange, ExchangeMessage
from gossipfl.gossip.link import Applied, LinkState, Record
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

    allowance: of bytes; sent_bytes: by the whole node, since it started.
    """

    def __init__(
        self,
        replica: Replica,
        scheme: Scheme,
        own_key: bytes,
        journal: Journal,
        observer: Observer,
        allowance: Allowance,
        sent_bytes: Callable[[], int],
        beyond: Mapping[bytes, Scheme],
    ) -> None:
        """beyond: schemes of links with what is no neighbour, by the peer's name among ours."""
        self.replica = replica
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
        for peer, (_, state) in saved.links.items():
            self._exchanges[peer] = self._new_exchange(peer, state)
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
        if self._exchange(neighbour.key).state.pending is None:
            return True
        offered_s = neighbour.offered_s
        return offered_s is None or trio.current_time() - offered_s >= resend_s

    def awaits(self, neighbour: Neighbour) -> bool:
        """We have opened an exchange with it that it may have applied already."""
        return self._exchange(neighbour.key).state.pending is not None

    def is_unused(self, neighbour: Neighbour) -> bool:
        """Nothing was ever exchanged with it."""
        state = self._exchange(neighbour.key).state
        return state.last is None and state.pending is None

    def warmth(self, peer: bytes) -> int:
        """How many exchanges the link to the peer with this key ever had."""
        exchange = self._exchanges.get(peer)
        return 0 if exchange is None else exchange.state.sequence

    async def offer_to(self, neighbour: Neighbour) -> None:
        """Open an exchange, or repeat the request that is open, unless bytes are short.

        Raises Unreachable when the link is gone; the request stays open.
        """
        if not self._affords_message():
            return
        # Noted before we wait for the disk, or the next round would repeat it at once.
        neighbour.offered_s = trio.current_time()
        exchange = self._exchange(neighbour.key)
        request = exchange.repeat()
        if request is None:
            neighbour.opened_s = neighbour.offered_s
            request, record = exchange.offer(self.replica)
            self._journal.append(neighbour.key, record)
        # A repeated request may be on its way to the disk as well.
        await self._journal.wait_written(self._journal.position)
        await neighbour.send(request)

    async def take(self, neighbour: Neighbour, message: ExchangeMessage) -> None:
        """Apply one message; what must survive is written before the answer leaves.

        A request that we cannot afford to answer is passed over, as if it were lost: the peer
        repeats it.  Raises RemoteProtocolError for a payload that is no delta of our model.
        """
        if not self._affords_message() and isinstance(message, Request):
            return
        exchange = self._exchange(neighbour.key)
        was_open = exchange.state.pending is not None
        outcome = exchange.receive(self.replica, message)
        if was_open and exchange.state.pending is None and neighbour.opened_s is not None:
            self.latencies.note(trio.current_time() - neighbour.opened_s)
        for record in outcome.records:
            self._journal.append(neighbour.key, record)
            self._count(neighbour, record)
        # What we answer may rest on an earlier message whose record is not written yet.
        await self._journal.wait_written(self._journal.position)
        if outcome.answer is not None:
            await neighbour.send(outcome.answer)

    def checkpoint_links(self) -> None:
        """Write all links, so that older journal rows can go."""
        links = {peer: _copy(exchange.state) for peer, exchange in self._exchanges.items()}
        self._journal.put(LinksCheckpoint(self._journal.position, links))

    def affords(self, size: int) -> bool:
        """Whether so many bytes may be sent beside exchanges."""
        self._allowance.note(trio.current_time(), self._sent_bytes())
        return self._allowance.balance >= size

    def _affords_message(self) -> bool:
        self._allowance.note(trio.current_time(), self._sent_bytes())
        return self._allowance.affords_message

    def _count(self, neighbour: Neighbour, record: Record) -> None:
        if isinstance(record, Applied):
            neighbour.exchanges += 1
            self.applied += 1
            if self.applied == 1:
                self._observer.emit("exchange.first", peer=neighbour.name)
        else:
            self.planted += 1
            self._observer.emit("link.seeded", peer=neighbour.name)

    def _exchange(self, peer: bytes) -> Exchange:
        # Re-inserting keeps the dictionary in order of use; the least used link makes room.
        exchange = self._exchanges.pop(peer, None)
        if exchange is None:
            exchange = self._new_exchange(peer, LinkState(self._scheme_of(peer).new_anchor()))
        self._exchanges[peer] = exchange
        if len(self._exchanges) > LINKS_MAX:
            del self._exchanges[next(each for each in self._exchanges if each not in self._beyond)]
        return exchange

    def _new_exchange(self, peer: bytes, state: LinkState) -> Exchange:
        ours_first = peer in self._beyond or self._own_key < peer
        return Exchange(state, self._scheme_of(peer), link=peer, ours_first=ours_first)

    def _scheme_of(self, peer: bytes) -> Scheme:
        return self._beyond.get(peer, self._scheme)


def _copy(state: LinkState) -> LinkState:
    """What is written later must be what is true now."""
    copy = LinkState(np.copy(state.anchor), state.sequence, state.digest, state.before, state.base)
    copy.pending, copy.last, copy.seed = state.pending, state.last, state.seed
    return copy
