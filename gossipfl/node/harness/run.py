"""Runs a swarm to its end and records what happened."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import trio

from gossipfl.faults.events import Event
from gossipfl.faults.script import QUIET, FaultScript
from gossipfl.node.harness.convergence import Convergence
from gossipfl.node.harness.faults import FaultDriver
from gossipfl.node.harness.judge import Scores
from gossipfl.node.harness.liveview import POLL_S, LiveView
from gossipfl.node.harness.record import Recorder, Result
from gossipfl.node.harness.swarm import Swarm
from gossipfl.node.harness.views import View

T = TypeVar("T")


async def run_swarm(
    swarm: Swarm,
    judge: Scores,
    convergence: Convergence,
    arguments: Sequence[str],
    title: str,
    at_end: Callable[[], Awaitable[T]],
    script: FaultScript = QUIET,
) -> tuple[Result, list[View], T]:
    """Start every node, look at them until they converge, stop them.

    at_end: awaited while the nodes still run; its value is returned as well.
    script: what happens to them; none ends before all of it has.
    """
    swarm.prepare(script)
    model_bytes = 4 * swarm.manifest.parameters
    recorder = Recorder(title, model_bytes, judge)
    with LiveView(title, model_bytes) as live:
        async with swarm.running(*arguments), trio.open_nursery() as nursery:
            start_s = trio.current_time()

            def tell(event: Event) -> None:
                live.tell(f"{trio.current_time() - start_s:.1f} s: {event}")
                recorder.happened(trio.current_time() - start_s, event)

            driver = FaultDriver(swarm, script, arguments, tell)
            nursery.start_soon(driver.run)
            while True:
                await trio.sleep(POLL_S)
                views = await swarm.views()
                if not views:  # those that are up have only just been started
                    continue
                live.show(views, recorder.note(trio.current_time() - start_s, views))
                if convergence.reached(views) and driver.done:
                    last = await at_end()
                    break
            nursery.cancel_scope.cancel()
    return recorder.finish(views), views, last
