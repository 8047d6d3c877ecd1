"""Ends that are asked for: whatever ends a command, it tidies up."""

import signal
from typing import Final

ENDS: Final = (signal.SIGTERM, signal.SIGHUP)


def end_as_by_ctrl_c() -> None:
    """From now on SIGTERM, and a terminal that closes, do what Ctrl-C does."""
    for number in ENDS:
        # Raised as SIGINT, so that trio decides where it is safe to interrupt.
        signal.signal(number, lambda *_: signal.raise_signal(signal.SIGINT))
