"""Seeded randomness, and streams that deliver as slowly and as oddly as a test wants."""

from collections.abc import Callable

import numpy as np
import pytest
import trio
import trio.testing


class SlowStream(trio.abc.HalfCloseableStream):
    """Hands over at most `chunk` bytes at a time, `delay_s` apart, and keeps what was sent."""

    def __init__(self, incoming: bytes, *, chunk: int = 1, delay_s: float = 1.0) -> None:
        self.incoming = bytearray(incoming)
        self.sent = bytearray()
        self.closed = False
        self._chunk, self._delay_s = chunk, delay_s

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        await trio.sleep(self._delay_s)
        if self.closed:
            raise trio.ClosedResourceError
        taken = bytes(self.incoming[: self._chunk])
        del self.incoming[: self._chunk]
        return taken

    async def send_all(self, data: bytes) -> None:
        for start in range(0, len(data), self._chunk):
            await trio.sleep(self._delay_s)
            if self.closed:
                raise trio.ClosedResourceError
            self.sent += data[start : start + self._chunk]

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.checkpoint()

    async def send_eof(self) -> None:
        await trio.lowlevel.checkpoint()

    async def aclose(self) -> None:
        self.closed = True
        await trio.lowlevel.checkpoint()


@pytest.fixture
def slow_stream() -> Callable[..., SlowStream]:
    return SlowStream


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(2024)
