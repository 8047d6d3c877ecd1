"""Which samples come next: all once in every epoch, in an order that takes no memory."""


class Sampling:
    """seed: anything but what other devices have."""

    def __init__(self, count: int, seed: int) -> None:
        self._count = count
        self._state = seed or 1
        self._left = 0
        self._place = 0
        self._stride = 1

    def next(self) -> int:
        """The place of a sample."""
        if not self._left:
            self._begin_epoch()
        self._left -= 1
        self._place = (self._place + self._stride) % self._count
        return self._place

    def _begin_epoch(self) -> None:
        """Steps of a stride that has no factor in common with the count reach every place once."""
        self._left = self._count
        self._place = self._draw() % self._count
        self._stride = 1 + self._draw() % self._count
        while _common_divisor(self._stride, self._count) != 1:
            self._stride = 1 + self._draw() % self._count

    def _draw(self) -> int:
        """Xorshift (Marsaglia 2003)."""
        state = self._state
        state ^= state << 13 & 0xFFFFFFFF
        state ^= state >> 17
        state ^= state << 5 & 0xFFFFFFFF
        self._state = state
        return state


def _common_divisor(first: int, second: int) -> int:
    while second:
        first, second = second, first % second
    return first
