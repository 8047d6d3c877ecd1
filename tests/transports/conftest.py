"""Seeded randomness, and streams that deliver as slowly and as oddly as a test wants."""

from collections.abc import Callable

import numpy as np
import pytest
import trio


class SlowStream:
    """Hands over at most `chunk` bytes at a time, `delay_s` apart, and keeps what was sent."""

    def __init__(self, incoming: bytes, *, chunk: int = 1, delay_s: float = 1.0) -> None:
        self.incoming = bytearray(incoming)
        self.writes: list[bytes] = []
        self.closed = False
        self._chunk, self._delay_s = chunk, delay_s
        self._room = 0

    @property
    def sent(self) -> bytes:
        return b"".join(self.writes)

    def write(self, data: bytes | bytearray) -> int:
        if self.closed:
            raise trio.ClosedResourceError
        taken, self._room = bytes(data[: self._room]), 0
        self.writes += [taken] if taken else []
        return len(taken)

    async def writable(self) -> None:
        await trio.sleep(self._delay_s)
        self._room = self._chunk

    async def read(self, most: int) -> bytes:
        await trio.sleep(self._delay_s)
        if self.closed:
            raise trio.ClosedResourceError
        taken = bytes(self.incoming[: min(most, self._chunk)])
        del self.incoming[: len(taken)]
        return taken

    async def aclose(self) -> None:
        self.closed = True
        await trio.lowlevel.checkpoint()


@pytest.fixture
def slow_stream() -> Callable[..., SlowStream]:
    return SlowStream


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(2024)
