"""What a baseline's message costs: its payload in the very frame that our own requests use."""

from typing import Final

from gossipfl.wire.messages import MESSAGE_DIGEST_BYTES, Request

NO_DIGEST: Final = bytes(MESSAGE_DIGEST_BYTES)


def seal(number: int, samples: int, payload: bytes) -> Request:
    """Message `number`, from 1 on, of a sender that trains on `samples` rows."""
    return Request(number, NO_DIGEST, 0, samples, payload)
