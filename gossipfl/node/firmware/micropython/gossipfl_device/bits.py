"""Numbers of any width in bytes, lowest bit first."""


class BitWriter:
    """Grows as it is written to."""

    def __init__(self) -> None:
        self._out = bytearray()
        self._held = 0
        self._count = 0

    def put(self, bits: int, count: int) -> None:
        """The lowest `count` of the bits."""
        self._held |= (bits & ((1 << count) - 1)) << self._count
        self._count += count
        while self._count >= 8:
            self._out.append(self._held & 0xFF)
            self._held >>= 8
            self._count -= 8

    def finish(self) -> bytes:
        """All of it, the last byte filled with zeros."""
        return bytes(self._out) + bytes([self._held] if self._count else [])


class BitReader:
    """Reads what a BitWriter wrote; raises ValueError behind its end."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._place = 0
        self._held = 0
        self._count = 0

    def take(self, count: int) -> int:
        """The next bits."""
        while self._count < count:
            if self._place == len(self._content):
                raise ValueError("a payload that ends too early")
            self._held |= self._content[self._place] << self._count
            self._place += 1
            self._count += 8
        bits = self._held & ((1 << count) - 1)
        self._held >>= count
        self._count -= count
        return bits

    def finish(self) -> None:
        """Nothing but the zeros that fill the last byte may follow."""
        if self._held or self._place != len(self._content):
            raise ValueError("a payload with more than its delta")
