"""StaticDiscovery, and the multicast probe."""

import pytest
import trio

from gossipfl.errors import ConfigError
from gossipfl.transports.discovery import Announcement, Sighting, StaticDiscovery
from gossipfl.transports.multicast import multicast_fault, probe_multicast


async def test_named_addresses_are_reported_once(nursery, autojump_clock) -> None:
    seen: list[Sighting] = []
    discovery = StaticDiscovery(["10.0.0.2:7400", "[fd00::2]:7400"])
    await nursery.start(discovery.run, Announcement(port=1, cluster_tag="ab"), seen.append)
    await trio.sleep(1000)
    assert [sighting.addresses for sighting in seen] == [("10.0.0.2:7400",), ("[fd00::2]:7400",)]
    assert all(sighting.present and sighting.cluster_tag == "ab" for sighting in seen)


def test_named_addresses_are_checked_at_once() -> None:
    with pytest.raises(ConfigError, match="HOST:PORT"):
        StaticDiscovery(["10.0.0.2"])


async def test_probe_of_an_absent_interface() -> None:
    assert not await probe_multicast("192.0.2.77")
    assert "192.0.2.77" in await multicast_fault("192.0.2.77")
