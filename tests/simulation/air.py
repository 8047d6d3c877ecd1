"""Discovery in one process: everybody hears of everybody, in the order of arrival."""

from collections.abc import Callable

import attrs
import trio

from gossipfl.transports.discovery import Announcement, Discovery, OnSighting, Sighting


class Air:
    """Where announcements are heard: everybody hears of everybody, in the order of arrival."""

    def __init__(self) -> None:
        self._present: dict[str, tuple[Sighting, OnSighting]] = {}

    def come(self, sighting: Sighting, listener: OnSighting) -> None:
        for other, heard in list(self._present.values()):
            heard(sighting)
            listener(other)
        self._present[sighting.instance] = sighting, listener

    def go(self, instance: str, *, politely: bool) -> None:
        """A crash is not announced."""
        gone, _ = self._present.pop(instance)
        for _, heard in list(self._present.values()) if politely else ():
            heard(attrs.evolve(gone, addresses=(), present=False))


class AirDiscovery(Discovery):
    """One node's ears and voice."""

    def __init__(self, air: Air, address: str, is_powered: Callable[[], bool]) -> None:
        self._air = air
        self._address = address
        self._is_powered = is_powered

    async def run(
        self,
        announcement: Announcement,
        on_sighting: OnSighting,
        *,
        task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        ours, address = announcement, (self._address,)
        sighting = Sighting(ours.instance, address, ours.cluster_tag, ours.version, True)
        self._air.come(sighting, on_sighting)
        try:
            task_status.started(ours.instance)
            await trio.sleep_forever()
        finally:
            self._air.go(ours.instance, politely=self._is_powered())
