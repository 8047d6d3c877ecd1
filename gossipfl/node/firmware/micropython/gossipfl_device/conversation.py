"""One question at a time, asked again until it is answered."""

import gc

from gossipfl_device.frame import OVERHEAD_BYTES, open_frame, seal_frame
from gossipfl_device.framing import Deframer, enframe
from gossipfl_device.port import Port
from gossipfl_device.state import State
from gossipfl_device.statistics import Statistics
from gossipfl_device.timer import Timer

TYPE_CHECKING = False  # of checkers alone, which take it for True: boards lack these modules
if TYPE_CHECKING:
    from collections.abc import Iterator

_PATIENCE_MS = 2_000
_PATIENCE_MS_MAX = 60_000
_HEARD_AT_ONCE = 16


class Conversation:
    """awaiting: the counter of the question that is open, if one is.  tries: made in vain."""

    def __init__(
        self, port: Port, state: State, timer: Timer, statistics: Statistics, message_max: int
    ) -> None:
        self.awaiting: int | None = None
        self.tries = 0
        self._port = port
        self._state = state
        self._timer = timer
        self._statistics = statistics
        self._deframer = Deframer(OVERHEAD_BYTES + message_max)

    def close(self) -> None:
        """Whatever comes now answers nothing."""
        self.awaiting = None
        self.tries = 0

    def ask(self, message: bytes) -> None:
        """Send a message, and begin to wait for its answer.  Raises StoreError."""
        counter = self._state.take_counter()
        content = enframe(seal_frame(self._state.identity, counter, message))
        self._port.send(content)
        self._statistics.messages_sent += 1
        self._statistics.bytes_sent += len(content)
        self.awaiting = counter
        # What the answer leaves behind then lies close together, and a model finds room behind it.
        gc.collect()
        self._timer.wait(self._patience_ms())

    def _patience_ms(self) -> int:
        """Twice as long after every try, and never in step with other devices."""
        wait = min(_PATIENCE_MS << self.tries, _PATIENCE_MS_MAX)
        return wait + wait // 4 * self._port.random(1)[0] // 256

    def hear(self) -> Iterator[bytes]:
        """Messages that answer the open question, from what has come by now."""
        for _ in range(_HEARD_AT_ONCE):
            content = self._port.receive()
            if not content:
                return
            self._statistics.bytes_received += len(content)
            for frame in self._deframer.feed(content):
                message = None
                if self.awaiting is not None:
                    message = open_frame(self._state.identity, self.awaiting, frame)
                if message is None:
                    self._statistics.strays += 1
                else:
                    yield message
