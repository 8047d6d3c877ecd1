"""What differs between a device and a simulation of one."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import trio
from attrs import frozen

from gossipfl.node.observer import Observer
from gossipfl.node.state.journal import RunBlocking
from gossipfl.transports.base import Transport
from gossipfl.transports.discovery import Discovery


@frozen(kw_only=True)
class Surroundings:
    """The border of an agent.

    run_blocking: runs a function off the event loop, to its end also where that is cancelled;
        inline under virtual time.
    wall_clock: seconds, as other nodes count them about alike.
    hosts: addresses of this device's interfaces, for a transport that serves all of them.
    """

    transport: Transport
    discovery: Discovery | None
    run_blocking: RunBlocking
    observer: Observer
    rng: np.random.Generator
    wall_clock: Callable[[], float]
    hosts: Callable[[], Sequence[str]]


async def run_in_thread(function: Callable[..., Any], *args: Any) -> Any:
    """What `Surroundings.run_blocking` is on a device."""
    # Shielded: a thread would be refused where a cancellation is due already.
    with trio.CancelScope(shield=True):
        return await trio.to_thread.run_sync(function, *args)


async def run_inline(function: Callable[..., Any], *args: Any) -> Any:
    """What it is for many small agents in one process: a thread would cost more than the work."""
    return function(*args)
