"""One member: the very state machines of a node, with the simulator for trio and sockets."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from gossipfl.membership.book import AddressBook
from gossipfl.membership.effects import Effect, End, Noted, Send, Visit
from gossipfl.membership.herald import Herald
from gossipfl.membership.overlay import Overlay
from gossipfl.membership.records import Record, id_of
from gossipfl.membership.views import Views
from gossipfl.security.identity import DeviceKey
from gossipfl.wire.messages import Message, Ping, Pong

if TYPE_CHECKING:
    from overlays.world import World

DIAL_TIMEOUT_S = 5.0
# Reading one message takes a starved member so long, once it runs again.
SLOW_S = 0.01


class Member:
    """Powered or not, awake or not; `links` are numbers of members."""

    def __init__(
        self,
        world: World,
        number: int,
        key: DeviceKey,
        certificate: bytes,
        rng: np.random.Generator,
    ) -> None:
        self.number = number
        self.powered = True
        self.awake_s = 0.0
        self.links: set[int] = set()
        self._linked: set[str] = set()
        self.id = id_of(key.public)
        self._world = world
        self._inbox: deque[tuple[int, Message]] = deque()
        self._dialling: set[int] = set()
        self._scheduled_s = self._dial_s = math.inf
        self.book = AddressBook(
            rng,
            world.settings.members_max + 64,
            self._has_link,
            lambda name: True,
            self._note_change,
        )
        self.overlay = Overlay(
            Herald(key, certificate, rng.bytes(8)),
            world.settings,
            world.read,
            self.book,
            rng,
            world.now_s,
        )
        self.views = Views(
            world.settings.view,
            world.settings.view_max,
            warmth=lambda peer: 0,
            is_suspect=self.overlay.detector.is_suspect,
        )
        self._do(self.overlay.announce((address_of(number),), world.now_s))
        self._look()

    def know(self, other: int) -> None:
        """Its operator named one peer."""
        self.book.note(
            f"static-{other}", (address_of(other),), now_s=self._world.now_s, wait_s=0, fixed=True
        )
        self.act([])

    def meet_on_paper(self, record: Record) -> None:
        """It was told of another long ago."""
        now_s, said = self._world.now_s, record.presence
        self.overlay.roll.take(record, 0.0, now_s)
        wait_s = float(self._world.rng.uniform(0, 20))
        self.book.note(record.instance, said.addresses, now_s=now_s, wait_s=wait_s)

    def arrive(self, sender: int, message: Message) -> None:
        """A frame came; without power or link it is lost, and while we sleep it waits."""
        if not self.powered:
            return
        if self._world.now_s < self.awake_s or self._inbox:
            self._inbox.append((sender, message))
        else:
            self._read(sender, message)

    def sleep(self, seconds: float) -> None:
        """No CPU for so long: then timers that are due run first, and letters one by one."""
        self.awake_s = self._world.now_s + seconds
        self._world.engine.schedule(seconds, self._wake)

    def _wake(self) -> None:
        if self.powered and self._world.now_s >= self.awake_s:
            self._look()
            self._world.engine.schedule(SLOW_S, self._read_next)

    def _read_next(self) -> None:
        if not self._inbox or self._world.now_s < self.awake_s:
            return
        self._read(*self._inbox.popleft())
        if self._inbox:
            self._world.engine.schedule(SLOW_S, self._read_next)

    def _read(self, sender: int, message: Message) -> None:
        if sender not in self.links:
            return
        peer, now_s = self._world.members[sender].id, self._world.now_s
        self._do(self.overlay.heard(peer, now_s))
        if isinstance(message, Ping):
            self._world.send(self.number, sender, Pong())
        elif not isinstance(message, Pong):
            self._do(self.overlay.receive(peer, message, now_s))
        self._look()

    def _look(self) -> None:
        """Do what is due, dial whom we want, and come back when more is due."""
        now_s = self._world.now_s
        if not self.powered or now_s < self.awake_s:
            return
        if now_s >= self.overlay.wake_s:
            self._do(self.overlay.tick(now_s))
        if now_s >= self._dial_s:
            self._dial_s = self._dial_due(now_s)
        due_s = min(self.overlay.wake_s, self._dial_s)
        if due_s < self._scheduled_s - 1e-9 or self._scheduled_s <= now_s:
            self._scheduled_s = max(due_s, now_s + 1e-3)
            self._world.engine.schedule(self._scheduled_s - now_s, self._look)

    def _dial_due(self, now_s: float) -> float:
        """Dial whom we want; when there may be more to dial."""
        while self._may_dial() and (found := self.book.due(now_s)) is not None:
            self._dial(*found)
        return self.book.due_s() if self._may_dial() else math.inf

    def _note_change(self) -> None:
        """Somebody may be worth a dial."""
        self._dial_s = self._world.now_s

    def _may_dial(self) -> bool:
        linked = [self._world.members[number].id for number in self.links]
        return self.views.wants_more(linked) and len(self._dialling) < self.views.dials_max(linked)

    def _dial(self, name: str, address: str) -> None:
        self.book.note_tried(name, self._world.now_s)
        target = number_at(address)
        self._dialling.add(target)

        def done(answered: bool) -> None:
            self._dialling.discard(target)
            self.book.note_dialled(name)
            if answered and self.powered:
                instance = self._world.members[target].overlay.herald.instance.hex()
                self.book.note_reached(name, instance)
                self._world.members[target].meet(self)
            self._look()

        self._world.round_trip(target, done, DIAL_TIMEOUT_S)

    def meet(self, dialler: Member) -> None:
        """Somebody dialled us and proved who it is."""
        mine = [self._world.members[number].id for number in self.links]
        if dialler.number in self.links or self.number in dialler.links:
            return
        admission = self.views.admit(mine, urgent=dialler.is_urgent)
        if not admission.accepted:
            instance = self.overlay.herald.instance.hex()
            dialler.book.note_lost(instance, 0.0, self._world.now_s)
            return
        if admission.leaves is not None:
            self.part(self._world.numbers[admission.leaves], said=True)
        for one, other in ((self, dialler), (dialler, self)):
            one.links.add(other.number)
            one._linked.add(address_of(other.number))
            one.act(one.overlay.linked(other.id, other.overlay.herald.instance, self._world.now_s))

    @property
    def is_urgent(self) -> bool:
        """Hardly any link to a living member, as far as it knows."""
        return self.views.is_urgent([self._world.members[number].id for number in self.links])

    def part(self, other: int, *, said: bool) -> None:
        """The link ends; `said`: the other end hears of it, if it has power."""
        if other not in self.links:
            return
        self.links.discard(other)
        self._linked.discard(address_of(other))
        peer = self._world.members[other]
        self.overlay.unlinked(peer.id)
        self._note_change()
        if said and peer.powered:
            self._world.engine.schedule(
                self._world.latency(), lambda: peer.part(self.number, said=False)
            )
        self.act([])

    def act(self, effects: list[Effect]) -> None:
        """Do them, then what is due."""
        self._do(effects)
        self._look()

    def _do(self, effects: list[Effect]) -> None:
        world = self._world
        for effect in effects:
            match effect:
                case Send(to, message):
                    if world.numbers[to] in self.links:
                        world.send(self.number, world.numbers[to], message)
                case Visit(whom):
                    self._visit(whom)
                case End(whom, _):
                    self.part(world.numbers[whom], said=True)
                case Noted():
                    self._note_change()  # a suspect's place is free
                    world.note(self.number, effect)

    def _visit(self, whom: bytes) -> None:
        def done(answered: bool) -> None:
            if self.powered:
                self.act(self.overlay.visited(whom, answered))

        self._world.visit(self._world.numbers[whom], done, self._world.settings.probe_timeout_s)

    def _has_link(self, instance: str | None, addresses: tuple[str, ...]) -> bool:
        return any(each in self._linked for each in addresses)


def address_of(number: int) -> str:
    """Where a member can be dialled."""
    return f"m{number}:1"


def number_at(address: str) -> int:
    """The reverse."""
    return int(address[1:-2])
