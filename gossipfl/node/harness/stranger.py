"""A stranger at the door: what does a node tell somebody without the cluster key?"""

import os
from collections.abc import Sequence
from typing import Final

import trio

from gossipfl.errors import ConfigError, PeerError
from gossipfl.transports.tcp import TcpTransport

PATIENCE_S: Final = 2.0
# The length of a real first handshake message: an ephemeral key and an empty, sealed payload.
FIRST_MESSAGE_BYTES: Final = 48


async def knock(addresses: Sequence[str]) -> dict[str, int]:
    """Bytes that each node sent to a caller that knows the protocol but not the key."""
    answers: dict[str, int] = {}
    async with trio.open_nursery() as nursery:
        for address in addresses:
            nursery.start_soon(_knock_once, address, answers)
    return answers


async def _knock_once(address: str, answers: dict[str, int]) -> None:
    answers[address] = 0
    with trio.move_on_after(PATIENCE_S):
        try:
            async with await TcpTransport().dial(address) as link:
                await link.send(os.urandom(FIRST_MESSAGE_BYTES))
                answers[address] = len(await link.receive())
        except (PeerError, ConfigError):
            return
