"""How well we ourselves are doing: who reads his mail late should not call others dead.

Lifeguard's local health multiplier (Dadgar, Phillips and Currey, 2018, section IV.A).
"""

from attrs import define


@define
class LocalHealth:
    """A score from 0, well, to `worst`; times are stretched by `factor`."""

    worst: int
    score: int = 0

    @property
    def factor(self) -> int:
        """How many times longer to wait."""
        return 1 + self.score

    def note(self, change: int) -> None:
        """Positive: a sign that we are slow; negative: one that we are not."""
        self.score = min(self.worst, max(0, self.score + change))
