"""The multicast probe."""

from gossipfl.transports.multicast import multicast_fault


async def test_probe_of_an_absent_interface() -> None:
    assert "192.0.2.77" in await multicast_fault("192.0.2.77")
