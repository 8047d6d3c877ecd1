"""From zeroconf to trio: zeroconf keeps an event loop in a thread of its own.

What it notices crosses into trio by the trio token; what we ask of it blocks, so it runs in trio's
threads.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import trio
from zeroconf import (
    EventLoopBlocked,
    IPVersion,
    ServiceInfo,
    ServiceListener,
    ServiceNameAlreadyRegistered,
    Zeroconf,
)

from gossipfl.transports.multicast import unavailable

GOODBYE_MAX_S = 3.0
_LOOKUP_MAX_MS = 1000
_REGISTER_AGAIN_S = 5.0
_EVENTS_MAX = 1024

Events = trio.MemoryReceiveChannel[tuple[str, bool]]


@asynccontextmanager
async def zeroconf_on(addresses: Sequence[str]) -> AsyncIterator[Zeroconf]:
    """zeroconf on the interfaces with these IPv4 addresses.  Raises DiscoveryUnavailable.

    Says goodbye for us in the end, but never holds us up for long.
    """
    zeroconf = await trio.to_thread.run_sync(_open, addresses)
    try:
        yield zeroconf
    finally:
        with trio.move_on_after(GOODBYE_MAX_S, shield=True), suppress(EventLoopBlocked):
            await trio.to_thread.run_sync(zeroconf.close, abandon_on_cancel=True)


async def browse(zeroconf: Zeroconf, service_type: str) -> Events:
    """(service name, is it there) from now on, in order."""
    send, events = trio.open_memory_channel[tuple[str, bool]](_EVENTS_MAX)
    listener = _Listener(send)
    await trio.to_thread.run_sync(zeroconf.add_service_listener, service_type, listener)
    return events


async def look_up(zeroconf: Zeroconf, service_type: str, name: str) -> ServiceInfo | None:
    """The records under a name; None if they do not come in time.

    Nearly always from zeroconf's cache: the announcement that woke us holds all of them.
    """
    with suppress(EventLoopBlocked):
        return await trio.to_thread.run_sync(
            zeroconf.get_service_info, service_type, name, _LOOKUP_MAX_MS, abandon_on_cancel=True
        )
    return None


async def register(zeroconf: Zeroconf, service: ServiceInfo) -> None:
    """Announce at once, without probing whether the name is taken: it is random."""
    while True:
        try:
            await trio.to_thread.run_sync(
                lambda: zeroconf.register_service(service, cooperating_responders=True),
                abandon_on_cancel=True,
            )
        except ServiceNameAlreadyRegistered:  # the attempt before got that far
            return
        except EventLoopBlocked:  # the device was busy for ten seconds
            await trio.sleep(_REGISTER_AGAIN_S)
        else:
            return


def _open(addresses: Sequence[str]) -> Zeroconf:
    try:
        return Zeroconf(list(addresses), ip_version=IPVersion.V4Only, use_asyncio=False)
    except OSError as error:
        raise unavailable(str(error)) from error


class _Listener(ServiceListener):
    """Called in zeroconf's thread: hands each event to trio's, and never waits.

    An event that finds the queue full is lost, which a network in such turmoil must allow for.
    """

    def __init__(self, events: trio.MemorySendChannel[tuple[str, bool]]) -> None:
        self._events = events
        self._token = trio.lowlevel.current_trio_token()

    def add_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        self._tell(name, True)

    def update_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        self._tell(name, True)

    def remove_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        self._tell(name, False)

    def _tell(self, name: str, present: bool) -> None:
        with suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._put, (name, present))

    def _put(self, event: tuple[str, bool]) -> None:
        with suppress(trio.WouldBlock, trio.BrokenResourceError):
            self._events.send_nowait(event)
