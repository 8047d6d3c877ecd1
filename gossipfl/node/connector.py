"""Keeps up as many links as we want, from every address that anybody told us."""

from collections.abc import Callable, Iterable
from typing import Final

import numpy as np
import trio

from gossipfl.errors import ConfigError, PeerError
from gossipfl.membership.book import AddressBook
from gossipfl.membership.records import Record
from gossipfl.membership.views import DIALS_MAX
from gossipfl.node.course import Course
from gossipfl.node.mesh import Mesh
from gossipfl.node.observer import Observer
from gossipfl.node.session import Sessions
from gossipfl.transports.base import Transport
from gossipfl.transports.discovery import (
    Announcement,
    Discovery,
    DiscoveryUnavailable,
    Sighting,
)

EXPLORE_S: Final = 300.0
COURSE_S: Final = 5.0
LONELY_S: Final = 15.0
DISCOVERY_RETRY_S: Final = 60.0
ADVICE: Final = (
    "no peer found: is another node of this cluster running? Where multicast does not pass "
    "(containers, some Wi-Fi), name one peer with --peer HOST:PORT; `gossipfl doctor` checks"
)


class Connector:
    """Dials peers while the mesh wants more links."""

    def __init__(
        self,
        transport: Transport,
        sessions: Sessions,
        mesh: Mesh,
        book: AddressBook,
        observer: Observer,
        rng: np.random.Generator,
        course: Course,
        dial_timeout_s: float,
        draw_dead: Callable[[], Record | None],
        seek_s: float,
    ) -> None:
        """draw_dead: a member to try that is held to be dead, if any; asked every `seek_s`."""
        self._transport = transport
        self._course = course
        self._sessions = sessions
        self._mesh = mesh
        self._book = book
        self._observer = observer
        self._rng = rng
        self._dial_timeout_s = dial_timeout_s
        self._draw_dead = draw_dead
        self._seek_s = seek_s
        self._dialling = 0

    async def run(self) -> None:
        """Until cancelled."""
        async with trio.open_nursery() as nursery:
            if self._course.is_free:
                nursery.start_soon(self._explore, nursery)
                nursery.start_soon(self._seek, nursery)
            else:
                nursery.start_soon(self._keep_course)
            while True:
                found = self._due() if self._may_dial() else None
                if found is None:
                    await self._wait_for_change()
                else:
                    self._start_dial(nursery, *found)

    async def _explore(self, nursery: trio.Nursery) -> None:
        """Swap a link now and then.

        A mesh that was cut in two, and whose halves have all the links they want, would stay so.
        """
        while True:
            await trio.sleep(float(self._rng.exponential(EXPLORE_S)))
            extra = self._mesh.least_used() if self._mesh.missing < 0 else None
            if extra is not None:
                extra.end("made room for others")
            elif found := self._due():
                self._start_dial(nursery, *found)

    async def _seek(self, nursery: trio.Nursery) -> None:
        """Try whether the dead are back, also while we lack no link.

        When a cut mends each side holds the other one to be dead, and has learnt apart from it.
        """
        while True:
            await trio.sleep(self._seek_s * float(self._rng.uniform(0.75, 1.25)))
            dead = self._draw_dead()
            if dead is not None and (found := self._due([dead.instance])):
                self._start_dial(nursery, *found)

    async def _keep_course(self) -> None:
        """Let go of links that we dialled and that the topology, as we know it, does not have.

        Not at once: news of who is there need a while to reach everybody.
        """
        while True:
            await trio.sleep(COURSE_S)
            for neighbour in self._mesh:
                is_ours = neighbour.dialled and not neighbour.is_central
                if is_ours and not self._course.wants(neighbour.hello.instance):
                    neighbour.end("it is not next to us in the topology")
            self._mesh.announce_change()

    def _due(self, among: Iterable[str] | None = None) -> tuple[str, str] | None:
        return self._book.due(trio.current_time(), among)

    def _start_dial(self, nursery: trio.Nursery, name: str, address: str) -> None:
        self._book.note_tried(name, trio.current_time())
        self._dialling += 1
        nursery.start_soon(self._dial, name, address)

    def _may_dial(self) -> bool:
        """In a hurry we dial more than we lack: most of them will not answer."""
        missing, most = self._mesh.missing, self._mesh.dials_max
        if not self._course.is_free:
            return self._dialling < DIALS_MAX
        return missing > 0 and self._dialling < (most if most > DIALS_MAX else min(missing, most))

    async def _wait_for_change(self) -> None:
        """Until an address, a link or a deadline is new."""
        due_s = self._book.due_s() if self._may_dial() else float("inf")
        with trio.move_on_at(due_s):
            await self._mesh.changed.wait()

    async def _dial(self, name: str, address: str) -> None:
        link = None
        try:
            with trio.fail_after(self._dial_timeout_s):
                link = await self._transport.dial(address)
        except (PeerError, ConfigError, trio.TooSlowError) as error:
            reason = str(error) or f"no answer within {self._dial_timeout_s:g} s"
            self._observer.emit("dial.failed", address=address, reason=reason)
        finally:
            if link is None:
                self._note_dial_over(name)
        if link is not None:
            await self._sessions.dialled(link, name, lambda: self._note_dial_over(name))

    def _note_dial_over(self, name: str) -> None:
        self._dialling -= 1
        self._book.note_dialled(name)


async def run_discovery(
    discovery: Discovery,
    book: AddressBook,
    instance: str,
    cluster_tag: str,
    observer: Observer,
    rng: np.random.Generator,
    port: int,
) -> None:
    """Feed the address book from discovery until cancelled."""

    def note(sighting: Sighting) -> None:
        if not sighting.present:
            book.note_goodbye(sighting.instance)
            return
        # When two nodes start together, the one with the lower id dials: no crossing dials.
        wait_s = 0.0 if instance < sighting.instance else float(rng.uniform(0.3, 0.8))
        now_s = trio.current_time()
        book.note(sighting.instance, sighting.addresses, now_s=now_s, wait_s=wait_s)
        observer.emit("peer.sighted", addresses=list(sighting.addresses))

    ours = Announcement(port=port, cluster_tag=cluster_tag, instance=instance)
    while True:
        try:
            await discovery.run(ours, note)
        except DiscoveryUnavailable as error:
            observer.emit("discovery.unavailable", error=str(error))
            await trio.sleep(DISCOVERY_RETRY_S)


async def run_loneliness_watch(mesh: Mesh, observer: Observer) -> None:
    """Say what to do when nobody is found for a while."""
    wait_s = LONELY_S
    while True:
        await trio.sleep(wait_s)
        if not len(mesh):
            observer.emit("discovery.quiet", advice=ADVICE)
            wait_s = min(wait_s * 2, 3600.0)
