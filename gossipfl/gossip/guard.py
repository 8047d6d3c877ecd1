"""Notices a mesh that starts to diverge, from a signal that costs no message."""

from typing import Final

MEMORY: Final = 0.9
WARM_UP_ROUNDS: Final = 20
PAUSE_ROUNDS: Final = 10
RISE: Final = 1.5


class ResidualGuard:
    """Halves the control-variate gain when the residual ||x - anchor|| keeps growing.

    The residual before compression follows the true consensus distance; the size of the control
    variate does not.  The variate itself is left alone, so its weighted sum over the cluster
    stays zero.
    """

    def __init__(self) -> None:
        self.gain = 1.0
        self.residual = 0.0
        self._least = float("inf")
        self._rounds = 0
        self._acted = 0

    def note(self, residual: float) -> None:
        """The norm of one exchange's uncompressed delta."""
        first = self.residual == 0.0
        self.residual = residual if first else MEMORY * self.residual + (1 - MEMORY) * residual

    def end_round(self) -> bool:
        """True when this round's residual made us halve the gain."""
        self._rounds += 1
        if self._rounds <= WARM_UP_ROUNDS or self.residual == 0.0:
            return False
        self._least = min(self._least, self.residual)
        if self._rounds - self._acted <= PAUSE_ROUNDS or self.residual <= RISE * self._least:
            return False
        self.gain /= 2
        self._least, self._acted = self.residual, self._rounds
        return True
