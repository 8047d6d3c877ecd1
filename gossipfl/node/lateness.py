"""How late the event loop wakes up: what training and disk cost everybody else."""

from typing import Final

import trio

from gossipfl.node.durations import Durations

SAMPLES_MAX: Final = 100_000
WARM_UP_S: Final = 2.0


async def watch_lateness(late: Durations, interval_s: float) -> None:
    """Note, until cancelled, how long after a timer was due it ran."""
    await trio.sleep(WARM_UP_S)
    while True:
        due_s = trio.current_time() + interval_s
        await trio.sleep_until(due_s)
        late.note(trio.current_time() - due_s)
