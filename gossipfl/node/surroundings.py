"""What differs between a device and a simulation of one."""

from collections.abc import Callable, Sequence

import numpy as np
from attrs import frozen

from gossipfl.node.observer import Observer
from gossipfl.node.state.journal import RunBlocking
from gossipfl.transports.base import Transport
from gossipfl.transports.discovery import Discovery


@frozen(kw_only=True)
class Surroundings:
    """The border of an agent.

    run_blocking: runs a function off the event loop; inline under virtual time.
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
