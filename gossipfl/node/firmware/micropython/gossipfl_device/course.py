"""How a device passes from one phase to the next, by what its gateway answers."""

from gossipfl_device import messages, state
from gossipfl_device.conversation import Conversation
from gossipfl_device.keys import CHANCE_BYTES, EPOCH_MAX
from gossipfl_device.messages import Orders
from gossipfl_device.phases import (
    ASLEEP,
    EXCHANGING,
    FALLING_ASLEEP,
    FETCHING,
    GREETING,
    KEYING,
    RESTING,
    TRAINING,
    UNENROLLED,
)
from gossipfl_device.room import Room
from gossipfl_device.rounds import Rounds
from gossipfl_device.rows import Rows
from gossipfl_device.state import State
from gossipfl_device.timer import Timer

_REFUSED_MS = 60_000
_EXCHANGES_PER_CHECKPOINT = 32


class Course:
    """phase: one of phases.py.  refusal: why nothing goes on; 0: all is well.
    chance: what was drawn for the key that is asked for.  round_ms: when the round began.
    """

    def __init__(
        self,
        held: State,
        conversation: Conversation,
        timer: Timer,
        rounds: Rounds,
        rows: Rows,
        room: Room,
    ) -> None:
        self.phase = UNENROLLED
        self.refusal = 0
        self.chance = b""
        self.round_ms = 0
        self._state = held
        self._conversation = conversation
        self._timer = timer
        self._rounds = rounds
        self._rows = rows
        self._room = room
        self._handlers = {
            messages.GRANT: self._on_grant,
            messages.ORDERS: self._on_orders,
            messages.CHUNK: self._on_chunk,
            messages.REPLY: self._on_reply,
            messages.GOOD_NIGHT: self._on_good_night,
            messages.REFUSAL: self._on_refusal,
        }
        if held.enrolled:
            self.phase = GREETING if held.identity.epoch else KEYING

    def enter(self, phase: str) -> None:
        """Whatever was asked before is asked no more."""
        self.phase = phase
        self._conversation.close()

    def take(self, message: bytes) -> None:
        """An answer.  What does not help is passed over: the device asks again when its patience
        ends.  Raises StoreError.
        """
        handler = self._handlers.get(message[0])
        if handler is not None:
            handler(message)

    def _on_grant(self, message: bytes) -> None:
        if self.phase != KEYING or len(message) != 1 + CHANCE_BYTES:
            return
        identity = self._state.identity.next(self.chance, message[1:])
        self._state.change(state.IDENTITY, identity.encode())
        self.enter(GREETING)

    def _on_orders(self, message: bytes) -> None:
        held = self._state
        if self.phase in (KEYING, FALLING_ASLEEP):
            return
        try:
            orders = Orders(message, self._room)
        except ValueError:
            self._refuse(messages.CANNOT_OBEY)
            return
        widths = orders.model.widths
        if (widths[0], widths[-1]) != (self._rows.inputs, self._rows.classes):
            self._refuse(messages.CANNOT_OBEY)
            return
        # A seed asked for again, after all of it came, is to be fetched again.
        if held.is_news(message) or (orders.seed_bytes and held.link.seeded):
            held.change(state.ORDERS, message)
        self.refusal = 0
        if orders.rotate and held.identity.epoch < EPOCH_MAX:
            self.enter(KEYING)
        else:
            self._go_on()

    def _go_on(self) -> None:
        """With orders that are known."""
        self._rounds.steps_done = 0
        if self._state.lacks_seed:
            self.enter(FETCHING)
        elif not self._state.link.seeded:
            self._refuse(messages.CANNOT_OBEY)
        else:
            self.enter(TRAINING if self._state.link.pending is None else EXCHANGING)

    def _on_chunk(self, message: bytes) -> None:
        if self.phase != FETCHING:
            return
        try:
            self._state.change(state.CHUNK, message)
        except ValueError:
            return
        if self._state.fetched:
            self._go_on()
        else:
            self._refuse(messages.CANNOT_OBEY)  # all of it came, and is not what was promised

    def _on_reply(self, message: bytes) -> None:
        if self.phase != EXCHANGING:
            return
        try:
            self._state.change(state.APPLIED, message)
        except ValueError:
            self.enter(GREETING)
            return
        if self._state.exchanges % _EXCHANGES_PER_CHECKPOINT == 0:
            self._state.checkpoint()
        gone_ms = self._timer.now_ms() - self.round_ms
        self._rest(max(0, 1000 * self._state.link.orders.interval_s - gone_ms))

    def _on_good_night(self, message: bytes) -> None:
        if self.phase == FALLING_ASLEEP:
            self.enter(ASLEEP)

    def _on_refusal(self, message: bytes) -> None:
        self._refuse(message[1] if len(message) > 1 and message[1] else messages.CANNOT_OBEY)

    def _refuse(self, reason: int) -> None:
        """Greet again, at once or, where one end cannot do what the other wants, later."""
        if reason == messages.GREET_ME:
            self.enter(GREETING)
        else:
            self.refusal = reason
            self._rest(_REFUSED_MS)

    def _rest(self, wait_ms: int) -> None:
        self.enter(RESTING)
        self._timer.wait(wait_ms)
