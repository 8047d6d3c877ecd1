"""One node's machine, whose power, clock and disk a test can touch."""

from pathlib import Path
from typing import Any, Final

import attrs
import numpy as np
import trio
from numpy.typing import NDArray

from gossipfl.central.settings import CoordinatorSettings
from gossipfl.config import NodeConfig
from gossipfl.data.dataset import Dataset
from gossipfl.learning.learner import Learner
from gossipfl.manifest import Manifest
from gossipfl.node.agent import Agent
from gossipfl.node.membership import Keep, Membership
from gossipfl.node.observer import Event
from gossipfl.node.state.store import Store
from gossipfl.node.status import decode_vector
from gossipfl.security.admission import Admission
from gossipfl.security.identity import DeviceKey
from tests.simulation.pausing import Gate

# Of a seed, how it coordinates.
Brought = Dataset | Learner | CoordinatorSettings
START_S: Final = 1_800_000_000.0
PORT: Final = 7411


@attrs.define(eq=False)
class Device:
    """One node's machine: what it was given, what is on its disk, and the agent it runs.

    clock_off_s: how wrong its clock is.  disk_s: seconds that every write takes.
    folder: where further readings are put.
    gate: closed while the machine is paused.
    powered: without power nothing is written any more and no goodbye is said.
    """

    name: str
    key: DeviceKey
    admission: Admission
    readings: Brought
    directory: Path
    config: NodeConfig
    manifest: Manifest
    clock_off_s: float = 0.0
    disk_s: float = 0.0
    powered: bool = True
    port: int = PORT
    gate: Gate = attrs.Factory(Gate)
    revocations: bytes | None = None
    folder: Path | None = None
    keep_revocations: Keep = attrs.Factory(lambda self: self._keep, takes_self=True)
    events: list[Event] = attrs.Factory(list)
    agent: Agent | None = None
    store: Store | None = None
    scope: trio.CancelScope | None = None
    stopped: trio.Event = attrs.Factory(trio.Event)

    @property
    def address(self) -> str:
        return f"{self.name}:{self.port}"

    @property
    def running(self) -> Agent:
        assert self.agent is not None, f"{self.name} does not run"
        return self.agent

    def status(self) -> dict[str, Any]:
        return self.running.answers.status()

    def neighbours(self) -> list[str]:
        return sorted(neighbour["name"] for neighbour in self.status()["neighbours"])

    def average(self) -> NDArray[np.float32]:
        return decode_vector(self.running.answers.model()["average"])

    def parameters(self) -> NDArray[np.float32]:
        return decode_vector(self.running.answers.model()["parameters"])

    def control(self) -> NDArray[np.float32]:
        """The control variate, which no status tells."""
        return self.running._mixer.replica.control

    def count(self, event: str) -> int:
        return sum(each["event"] == event for each in self.events)

    def reasons(self, event: str) -> list[str]:
        return [str(each.get("reason")) for each in self.events if each["event"] == event]

    def membership(self) -> Membership:
        return Membership(
            self.key,
            self.admission,
            wall_clock=lambda: START_S + trio.current_time() + self.clock_off_s,
            stored_revocations=self.revocations,
            keep_revocations=self.keep_revocations,
        )

    async def run_blocking(self, function: Any, *args: Any) -> Any:
        """Inline, as fast as the disk is; nothing happens once the power is gone, nor goes on."""
        with trio.CancelScope(shield=True):
            await trio.lowlevel.checkpoint()
            await self.gate.passed()
            if self.disk_s and self.store is not None and function == self.store.write:
                await trio.sleep(self.disk_s)
        if not self.powered:
            await trio.sleep_forever()
        return function(*args)

    async def _keep(self, signed: bytes) -> None:
        await trio.lowlevel.checkpoint()
        self.revocations = signed
