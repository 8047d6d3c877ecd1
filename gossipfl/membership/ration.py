"""So much of something an interval, saved up for one interval at most."""

from attrs import define


@define
class Ration:
    """A token bucket: `most` at once, and `most` an interval."""

    most: float
    interval_s: float
    noted_s: float
    left: float = -1.0

    def __attrs_post_init__(self) -> None:
        if self.left < 0:
            self.left = self.most

    def take(self, amount: float, now_s: float) -> bool:
        """Whether there is so much; if so it is spent."""
        earned = self.most * (now_s - self.noted_s) / self.interval_s
        self.left, self.noted_s = min(self.most, self.left + earned), now_s
        if self.left < amount:
            return False
        self.left -= amount
        return True
