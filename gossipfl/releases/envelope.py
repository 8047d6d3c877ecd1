"""A release as a file: what the operator carries to any one node."""

from typing import Final

import msgpack

from gossipfl.errors import Untrusted
from gossipfl.releases.release import CONTENT_MAX
from gossipfl.wire.releases import RELEASE_MAX

MARK: Final = b"gossipfl release 1\n"
FILE_MAX: Final = len(MARK) + RELEASE_MAX + CONTENT_MAX + 16


def encode_file(signed: bytes, content: bytes) -> bytes:
    """The signed release and its whole model."""
    return MARK + bytes(msgpack.packb((signed, content)))


def decode_file(file: bytes) -> tuple[bytes, bytes]:
    """The reverse; nothing in it is verified yet.  Raises Untrusted for anything else."""
    try:
        if file.startswith(MARK) and len(file) <= FILE_MAX:
            signed, content = msgpack.unpackb(file[len(MARK) :])
            if isinstance(signed, bytes) and isinstance(content, bytes):
                return signed, content
    except (ValueError, TypeError):
        pass
    raise Untrusted("not a file of `gossipfl release`: copy the one that it wrote")
