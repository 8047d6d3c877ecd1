"""Runs this node's part in the overlay: the core decides, this file waits, sends and dials."""

import math
from collections.abc import Awaitable, Callable
from typing import Final

import trio

from gossipfl.errors import PeerError
from gossipfl.membership.bundle import Bundle
from gossipfl.membership.effects import Effect, End, Noted, Send, Visit
from gossipfl.membership.overlay import MembershipMessage, Overlay
from gossipfl.membership.records import Id
from gossipfl.node.mesh import WAITING_MAX, Mesh, Neighbour
from gossipfl.node.observer import Observer
from gossipfl.wire.messages import Message

ADDRESSES_INTERVAL_S: Final = 10.0
VISITS_MAX: Final = 8
# News leave at once, and then no more often than this: where many start, all have news of all.
NEWS_S: Final = 0.1


class Neighbourhood:
    """What the node's services tell the overlay, and what it wants done in return."""

    def __init__(
        self,
        overlay: Overlay,
        mesh: Mesh,
        observer: Observer,
        addresses: Callable[[], tuple[str, ...]],
        visit: Callable[[str], Awaitable[bool]],
    ) -> None:
        """addresses: where we can be dialled now; visit: whether a member answers at an address."""
        self.overlay = overlay
        self._mesh = mesh
        self._observer = observer
        self._addresses = addresses
        self._visit = visit
        self._visits = 0
        self._nursery: trio.Nursery | None = None
        self._poked = trio.Event()
        self._wake_s = 0.0
        self._news = Bundle()
        self._told_s = -math.inf

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Until cancelled; links may come as soon as it has started."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            task_status.started()
            while True:
                self._wake_s = self._due_s
                with trio.move_on_at(self._wake_s):
                    await self._poked.wait()
                self._poked = trio.Event()
                if trio.current_time() >= self.overlay.wake_s:
                    self._perform(self.overlay.tick(trio.current_time()))
                self._tell_news()

    @property
    def _due_s(self) -> float:
        news_s = self._told_s + NEWS_S if self._news else math.inf
        return min(self.overlay.wake_s, news_s)

    def linked(self, neighbour: Neighbour) -> None:
        """A link came into use."""
        instance = bytes.fromhex(neighbour.hello.instance)
        self._perform(self.overlay.linked(neighbour.id, instance, trio.current_time()))

    def unlinked(self, neighbour: Neighbour) -> None:
        """A link has ended, and no other has taken its place."""
        self.overlay.unlinked(neighbour.id)
        self._mesh.announce_change()

    def heard(self, neighbour: Neighbour) -> None:
        """A message came, whatever it says."""
        effects = self.overlay.heard(neighbour.id, trio.current_time())
        if effects:
            self._perform(effects)

    async def take(self, neighbour: Neighbour, message: MembershipMessage) -> None:
        """One message.  What answers it is sent before the next one is read.

        Raises RemoteProtocolError when a neighbour tells what is not so, again and again.
        """
        effects = self.overlay.receive(neighbour.id, message, trio.current_time())
        answers = [e for e in effects if isinstance(e, Send) and e.to == neighbour.id]
        self._perform([effect for effect in effects if effect not in answers])
        for answer in answers:
            await neighbour.send(answer.message)

    async def watch_addresses(self) -> None:
        """Say where we are, and again when we have moved, as between two networks."""
        said: tuple[str, ...] | None = None
        while True:
            found = self._addresses()
            if found != said:
                said = found
                self._perform(self.overlay.announce(found, trio.current_time()))
            await trio.sleep(ADDRESSES_INTERVAL_S)

    def _perform(self, effects: list[Effect]) -> None:
        """What is wanted, later and beside all else, since a slow peer may hold nobody up."""
        nursery = self._nursery
        assert nursery is not None
        for effect in effects:
            match effect:
                case Send(to, message) if self._news.add(to, message):
                    pass
                case Send(to, message):
                    self._send_soon(nursery, to, message)
                case Visit(whom):
                    if self._visits < VISITS_MAX:
                        self._visits += 1
                        nursery.start_soon(self._go_and_see, whom)
                case End(whom, reason):
                    neighbour = self._mesh.find(whom)
                    if neighbour is not None:
                        neighbour.end(reason)
                case Noted():
                    self._report(effect)
        self._tell_news()
        if self._due_s < self._wake_s:
            self._poked.set()

    def _tell_news(self) -> None:
        now_s = trio.current_time()
        if not self._news or now_s < self._told_s + NEWS_S:
            return
        assert self._nursery is not None
        self._told_s = now_s
        for send in self._news.take():
            self._send_soon(self._nursery, send.to, send.message)

    def _send_soon(self, nursery: trio.Nursery, to: Id, message: Message) -> None:
        neighbour = self._mesh.find(to)
        if neighbour is None or neighbour.waiting >= WAITING_MAX:
            return
        try:
            has_left = neighbour.put(message)
        except PeerError as error:
            neighbour.end(str(error))
            return
        if not has_left:
            neighbour.waiting += 1
            nursery.start_soon(self._drain, neighbour)

    async def _drain(self, neighbour: Neighbour) -> None:
        try:
            await neighbour.drain()
        except PeerError as error:
            neighbour.end(str(error))
        finally:
            neighbour.waiting -= 1

    async def _go_and_see(self, whom: Id) -> None:
        member = self.overlay.roll.get(whom)
        answered = False
        try:
            for address in member.record.presence.addresses if member else ():
                answered = answered or await self._visit(address)
        finally:
            self._visits -= 1
        self._perform(self.overlay.visited(whom, answered))

    def _report(self, noted: Noted) -> None:
        by = None if noted.by is None else self.name_of(noted.by)
        self._observer.emit(noted.event, peer=self.name_of(noted.about), by=by)
        if noted.event == "member.suspected":
            self._mesh.announce_loss()  # its place is free

    def name_of(self, member: Id) -> str:
        """What the operator called a member; its id when we do not know."""
        if member == self.overlay.herald.id:
            return "ourselves"
        known = self.overlay.roll.get(member)
        return known.record.certificate.name if known else member.hex()
