"""Many real nodes on one machine: a cluster of its own, one process a node, loopback between."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import trio

from gossipfl.agreement import Agreement
from gossipfl.errors import StateError
from gossipfl.faults.events import Clock
from gossipfl.faults.script import Condition, FaultScript
from gossipfl.node.device import take_join_file
from gossipfl.node.harness.member import Member
from gossipfl.node.harness.network import Loopback, Network
from gossipfl.node.harness.views import View, view_of
from gossipfl.node.operator import Operator
from gossipfl.node.state.home import Home, write_private
from gossipfl.topologies.base import Topology
from gossipfl.topologies.links import both_ways
from gossipfl.topologies.members import members_for

START_TIMEOUT_S: Final = 120.0


class Swarm:
    """A cluster in a directory: admitted nodes, one per source, ready to start."""

    def __init__(
        self,
        directory: Path,
        manifest: Agreement,
        sources: Sequence[tuple[str, ...]],
        network: Network | None = None,
    ) -> None:
        """Creates the authority and admits every node, as an operator would.

        sources: for each node the flags that say what it learns from; see `from_files`.
        network: between the nodes; loopback unless given.
        """
        self.directory = directory
        self.network = network or Loopback()
        self.manifest = manifest
        self._addresses: set[str] = set()
        operator = Operator.create(directory / "cluster", manifest)
        self.members = [self._admit(operator, i, source) for i, source in enumerate(sources)]

    def _admit(self, operator: Operator, number: int, source: tuple[str, ...]) -> Member:
        name = f"node-{number}"
        home = self.directory / name
        join_file = self.directory / f"{name}.join"
        key = Home(home).device_key().public
        write_private(join_file, operator.admit(name, key, ("peer",)))
        take_join_file(home, join_file)
        return Member(name, home, ["--state", str(home), *source])

    def prepare(self, script: FaultScript) -> None:
        """Before anything starts.  Raises ConfigError when the script cannot happen here."""
        script.check(len(self.members))
        self.network.check(script)
        for event in script.of_kind(Clock):
            for number in event.nodes:
                self.members[number].own_clock = True

    def link_by_mdns(self, *, view: int) -> None:
        """Nodes find each other."""
        for number, member in enumerate(self.members):
            member.arguments += self.network.options(number)
            member.arguments += ["--view", str(view), "--view-max", str(2 * view)]

    def link_by_course(self, topology: str) -> None:
        """Nodes find each other and link themselves as the topology of this name says."""
        for number, member in enumerate(self.members):
            member.arguments += [*self.network.options(number), "--topology", topology]

    def link_by_topology(self, topology: Topology) -> None:
        """Nodes get exactly the links of a graph, and look for no others."""
        ids = members_for(topology, len(self.members))
        links = both_ways(topology.adjacency(ids, epoch=0))
        addresses = self.network.addresses(len(ids))
        for number, (member, near) in enumerate(zip(self.members, links, strict=True)):
            member.arguments += ["--listen", addresses[number]]
            member.arguments += ["--no-mdns", "--no-hints"]
            member.arguments += ["--view", str(len(near)), "--view-max", str(len(near))]
            # Each link is dialled from one end only.
            for other in near:
                if other > number:
                    member.arguments += ["--peer", addresses[other]]

    @asynccontextmanager
    async def running(self, *extra: str) -> AsyncIterator[None]:
        """All nodes run inside this block and are stopped, cleanly, at its end."""
        async with self.network.running():
            try:
                for member in self.members:
                    await self.start(member, *extra)
                await self._wait_for_answers()
                yield
            finally:
                with trio.CancelScope(shield=True):
                    await self.stop()

    async def _wait_for_answers(self) -> None:
        """Raises StateError when that takes too long."""
        for member in self.members:
            with trio.move_on_after(START_TIMEOUT_S) as waiting:
                await member.wait_for_answer()
            if waiting.cancelled_caught:
                raise StateError(
                    f"{member.name} has not answered for {START_TIMEOUT_S:.0f} s: too many nodes "
                    f"for this machine? (more in {member.errors})"
                )

    async def start(self, member: Member, *extra: str) -> None:
        """Start, or start again, one node."""
        await member.start(self.network.enter(self.members.index(member)), *extra)

    async def stop(self) -> None:
        """SIGTERM to all; SIGKILL to those that ignore it."""
        async with trio.open_nursery() as nursery:
            for member in self.members:
                nursery.start_soon(member.stop)

    async def views(self) -> list[View]:
        """The answers of all nodes that are up.  Raises NodeDied when one should be but is not."""
        asked = [member for member in self.members if member.answers]
        found = [await self.view(member) for member in asked if member.condition is Condition.UP]
        return [view for view in found if view is not None]

    def addresses(self) -> list[str]:
        """Where the nodes accept links, as their neighbours were told."""
        return sorted(self._addresses)

    async def view(self, member: Member) -> View | None:
        """One node's answer; None when a fault came between."""
        try:
            status, model = await member.ask("status"), await member.ask("model")
        except StateError:
            if member.condition is Condition.UP and member.answers:
                raise member.died() from None
            return None
        self._addresses.add(status["address"])
        return view_of(status, model)


def from_files(data: Sequence[Path]) -> list[tuple[str, ...]]:
    """Sources of nodes that have a data file each."""
    return [("--data", str(path)) for path in data]
