"""How much a node may send: so many bytes a message, and so many a day.

A token account as in Danner and Hegedűs, "Token account algorithms: the best of the proactive and
reactive worlds" (2018, doi:10.1109/ICDCS.2018.00090), with bytes for tokens and shorter messages
where accounts run low, since a smaller delta still tells the most important entries.
"""

import math
from typing import Final

from attrs import frozen

from gossipfl.errors import ConfigError
from gossipfl.wire.messages import HALF_OVERHEAD_MAX

MESSAGE_MIN: Final = 64
DAY_MIN: Final = 10_000
DAY_S: Final = 86_400
# Quiet hours are saved up for bursts, but not for longer than this.
SAVINGS_S: Final = 3600
# A message takes at most this share of the balance, so that a day's bytes spread over its rounds.
SHARE: Final = 1 / 8
# Below this a message is mostly its own head: better wait for more.
SENSIBLE: Final = 128


@frozen
class Limits:
    """What the owner of a node allows; None: any number of bytes.

    bytes_per_day: in any 24 hours, everything that the node sends.
    max_message_bytes: one message of an exchange, as it leaves the sealed link.
    Raises ConfigError for a limit that leaves no room to gossip.
    """

    bytes_per_day: int | None = None
    max_message_bytes: int | None = None

    def __attrs_post_init__(self) -> None:
        for name, least in (("bytes_per_day", DAY_MIN), ("max_message_bytes", MESSAGE_MIN)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise ConfigError(f"{name} is at least {least}, not {value}: or leave it out")

    def __bool__(self) -> bool:
        return self.bytes_per_day is not None or self.max_message_bytes is not None


class Allowance:
    """One node's account.  It opens empty, so that restarts earn nothing.

    Income is a little less than a day's share, by what can be saved up: so no window of a day
    holds more than a day's bytes, however they fall.
    """

    def __init__(self, limits: Limits, now_s: float = 0.0) -> None:
        """now_s: on any clock that does not go back; `note` reads the same one.

        An endless account affords every message, and nothing need be noted.
        """
        self._most = math.inf if limits.max_message_bytes is None else limits.max_message_bytes
        day = limits.bytes_per_day
        self._income = math.inf if day is None else day / (DAY_S + SAVINGS_S)
        self._noted_s = now_s
        self._noted_bytes = 0
        self.is_endless = day is None
        self.balance = math.inf if day is None else 0.0

    def note(self, now_s: float, sent_bytes: int) -> None:
        """Book the time that has gone by, and what was sent in it; sent_bytes: since the start."""
        if math.isfinite(self._income):
            earned = self._income * (now_s - self._noted_s)
            kept = min(self.balance + earned, self._income * SAVINGS_S)
            self.balance = kept - (sent_bytes - self._noted_bytes)
        self._noted_s, self._noted_bytes = now_s, sent_bytes

    @property
    def affords_message(self) -> bool:
        """Whether a message may be sent at all."""
        return self.balance >= min(SENSIBLE, self._most)

    def payload_bytes(self) -> float:
        """The longest payload of the next message."""
        message = min(self._most, max(SENSIBLE, self.balance * SHARE))
        return message - HALF_OVERHEAD_MAX
