"""The process around the devices: frames of nobody, and wires that go away."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from gossipfl.devices.frames import TO_GATEWAY, seal
from gossipfl.devices.keyring import keyring_of
from gossipfl.errors import ConfigError, Unreachable
from gossipfl.node.gateway.gateway import Gateway
from gossipfl.node.gateway.register import Register
from gossipfl.node.gateway.settings import load_settings
from gossipfl.node.gateway.wires import Arrival, Take, Wire
from gossipfl.node.observer import Event
from gossipfl.node.surroundings import run_inline


class Cable(Wire):
    """Brings these frames, is pulled out, and is not found when it is first looked for again."""

    name = "cable"

    def __init__(self, frames: list[bytes], error: Exception) -> None:
        self._frames, self._error = frames, error
        self.served = 0

    async def serve(
        self, take: Take, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
    ) -> None:
        self.served += 1
        if self.served != 2:
            task_status.started(self.name)
        for frame in self._frames:
            take(Arrival(frame, "cable", trio.sleep))
        await trio.sleep(1)
        if self.served < 3:
            raise self._error
        await trio.sleep_forever()


@pytest.fixture
def register() -> Iterator[Register]:
    """Shorter than tmp_path: the names of sockets are bounded."""
    with tempfile.TemporaryDirectory(prefix="gossipfl-") as path:
        yield Register(Path(path) / "gateway")


async def test_frames_of_nobody_and_a_wire_that_comes_back(
    autojump_clock: trio.testing.MockClock, register: Register
) -> None:
    stranger = seal(keyring_of(bytes(16)).identity, TO_GATEWAY, 1, b"\x05\0\0\0\0")
    cable = Cable([b"noise", stranger] * 100, ConfigError("no cable"))
    events: list[Event] = []
    config, _ = load_settings(None, {})
    gateway = Gateway(register, config, [cable], events.append, run_blocking=run_inline)
    # Not all of it: files are looked at in threads, which virtual time does not wait for.
    with trio.move_on_after(9.5):
        await gateway._serve(cable)
    kinds = [event["event"] for event in events]
    assert kinds.count("wire.up") == 2
    assert kinds.count("wire.down") == 1  # the second one came too soon after the first to be told
    assert kinds.count("frame.refused") == kinds.count("frame.unknown") == 1
    assert cable.served == 3
    assert gateway.status()["devices"] == []


async def test_a_broker_that_comes_late_is_waited_for(
    autojump_clock: trio.testing.MockClock, register: Register
) -> None:
    class Late(Cable):
        async def serve(
            self, take: Take, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
        ) -> None:
            self.served += 1
            if self.served < 3:
                raise Unreachable("no broker yet")
            await super().serve(take, task_status=task_status)

    wire, events = Late([], ConfigError("")), list[Event]()
    config, _ = load_settings(None, {})
    gateway = Gateway(register, config, [wire], events.append, run_blocking=run_inline)
    with trio.move_on_after(9.5):
        await gateway._serve(wire)
    assert [event["event"] for event in events] == ["wire.down", "wire.up"]


async def test_a_wire_that_can_never_be_ends_the_gateway(
    autojump_clock: trio.testing.MockClock, register: Register
) -> None:
    cable = Cable([], ConfigError("no such cable"))
    cable.served = 1
    config, _ = load_settings(None, {})
    with pytest.RaisesGroup(ConfigError, flatten_subgroups=True):
        await Gateway(register, config, [cable], run_blocking=run_inline)._serve(cable)
