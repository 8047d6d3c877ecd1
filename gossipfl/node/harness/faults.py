"""Makes a fault script happen to a swarm."""

from collections.abc import Callable, Sequence

import trio

from gossipfl.faults.events import Clock, Event, Kill, OnNodes, Pause, Restart, Resume
from gossipfl.faults.links import OnLinks
from gossipfl.faults.script import FaultScript
from gossipfl.node.harness.member import Member
from gossipfl.node.harness.swarm import Swarm


class FaultDriver:
    """One script for one swarm.

    arguments: those that nodes are started with.  tell: hears of every event when it comes.
    done: everything has happened, and all nodes that were started again answer.
    """

    def __init__(
        self,
        swarm: Swarm,
        script: FaultScript,
        arguments: Sequence[str],
        tell: Callable[[Event], None],
    ) -> None:
        self.done = False
        self._swarm = swarm
        self._script = script
        self._arguments = arguments
        self._tell = tell

    async def run(self) -> None:
        """From now, which is second 0 of the script."""
        start_s = trio.current_time()
        async with trio.open_nursery() as waiting:
            for event in self._script.events:
                await trio.sleep_until(start_s + event.at_s)
                self._tell(event)
                await self._do(event, waiting)
        self.done = True

    async def _do(self, event: Event, waiting: trio.Nursery) -> None:
        if isinstance(event, OnLinks):
            await self._swarm.network.apply(event)
        elif isinstance(event, OnNodes):
            async with trio.open_nursery() as nursery:
                for number in event.nodes:
                    nursery.start_soon(self._do_to, self._swarm.members[number], event, waiting)

    async def _do_to(self, member: Member, event: OnNodes, waiting: trio.Nursery) -> None:
        match event:
            case Kill():
                await member.kill()
            case Pause():
                member.pause()
            case Resume():
                member.resume()
            case Clock():
                member.jump(event.jump_s)
            case Restart():
                await member.stop()
                await self._swarm.start(member, *self._arguments)
                waiting.start_soon(member.wait_for_answer)
