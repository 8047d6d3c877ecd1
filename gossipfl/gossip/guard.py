"""Notices a mesh that starts to diverge, and links that are far behind, at no message."""

from typing import Final

MEMORY: Final = 0.9
WARM_UP_ROUNDS: Final = 20
PAUSE_ROUNDS: Final = 10
RISE: Final = 1.5
COLD: Final = 3.0


class ResidualGuard:
    """Halves the control-variate gain when the residual ||x - anchor|| keeps growing.

    The residual before compression follows the true consensus distance; the size of the control
    variate does not.  The variate itself is left alone, so its weighted sum over the cluster
    stays zero.

    A link is cold when its residual is far above the usual: a newcomer's, one that rested for long,
    or one between meshes that have just met.  What such links bring is news, no divergence.
    """

    def __init__(self) -> None:
        self.gain = 1.0
        self.residual = 0.0
        self._least = float("inf")
        self._rounds = 0
        self._acted = 0

    def note(self, residual: float) -> bool:
        """The norm of one exchange's uncompressed delta.  True when the link is cold."""
        before = self.residual
        if before == 0.0:
            self.residual = residual
            return False
        is_cold = residual > COLD * before and self._rounds > WARM_UP_ROUNDS
        if is_cold:
            # Bounded, so that one link does not count for all, yet a new usual is found in time.
            residual = COLD * before
            self._least, self._acted = float("inf"), self._rounds
        self.residual = MEMORY * before + (1 - MEMORY) * residual
        return is_cold

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
