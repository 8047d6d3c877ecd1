"""What carries frames between devices and their gateway.

A wire knows nothing of devices, keys and messages: it finds whole frames in what comes, and brings
an answer back the way its question came.  To add one: a class of this interface in a file of its
own, and a line in `gateway/settings.py`, which makes wires of what the user has named.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Final

import trio
from attrs import frozen

from gossipfl.devices.frames import FRAME_MAX
from gossipfl.devices.framing import CRC_BYTES, GROUP_MAX, Deframer

# Of one frame as it travels, its delimiter included; what is longer holds none.
WIRE_BYTES_MAX: Final = FRAME_MAX + CRC_BYTES + (FRAME_MAX + CRC_BYTES) // GROUP_MAX + 2


@frozen(eq=False)
class Arrival:
    """A frame that has come, checksum already checked, and the way back to whom it came from.

    origin: for people and for counting; it proves nothing.
    answer: sends one frame back.  Raises Unreachable where that is known to fail; a frame may be
        lost all the same, and then the device asks again.  Deadlines are the caller's.
    """

    frame: bytes
    origin: str
    answer: Callable[[bytes], Awaitable[None]]


# Takes an arrival at once, or drops it; never waits and never raises.
Take = Callable[[Arrival], None]


class Wire(ABC):
    """One way to devices.

    name: as it is shown, "udp 0.0.0.0:7412".
    """

    name: str

    @abstractmethod
    async def serve(
        self, take: Take, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Run until cancelled; report what is bound, as people name it, through `task_status`.

        Nothing that comes ends it.  Raises ConfigError when there can be no such wire, and
        Unreachable when it is lost later; then it may be served anew.
        """


def frames_in(datagram: bytes) -> tuple[bytes, ...]:
    """The frames of one datagram or message, at most one of which devices send."""
    return tuple(Deframer(FRAME_MAX).feed(datagram)) if len(datagram) <= WIRE_BYTES_MAX else ()
