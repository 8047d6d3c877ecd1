"""What a baseline's message costs: its payload in the very frame that our own requests use."""

from gossipfl.errors import RemoteProtocolError
from gossipfl.wire.messages import MESSAGE_DIGEST_BYTES, Request, decode, encode

NO_DIGEST = bytes(MESSAGE_DIGEST_BYTES)


def seal(number: int, samples: int, payload: bytes) -> bytes:
    """A frame for message `number`, from 1 on, of a sender that trains on `samples` rows."""
    return encode(Request(number, NO_DIGEST, 0, samples, payload))


def unseal(frame: bytes) -> Request:
    """What is in a frame.  Raises RemoteProtocolError unless `seal` made it."""
    message = decode(frame)
    if not isinstance(message, Request):
        raise RemoteProtocolError(f"a {type(message).__name__} is no baseline's message")
    return message
