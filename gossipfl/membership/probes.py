"""One question after one neighbour's life, from the first ping to the verdict."""

from attrs import define

from gossipfl.membership.records import Id


@define
class Watched:
    """A neighbour: when it was last heard, and last asked; asked in vain how often in a row."""

    heard_s: float
    probed_s: float
    vain: int = 0


@define
class Probe:
    """An open question.

    again_s: when it is asked once more; relay_s: when others are; end_s: when it counts as failed.
    asked: the relays, and whether each has said that it failed as well.
    """

    target: Id
    number: int
    again_s: float
    relay_s: float
    end_s: float
    repeated: bool = False
    asked: dict[Id, bool] | None = None

    @property
    def due_s(self) -> float:
        """When there is something to do about it."""
        if not self.repeated:
            return self.again_s
        return self.relay_s if self.asked is None else self.end_s

    def delay(self, by_s: float) -> None:
        """The time that we slept through does not count."""
        self.again_s += by_s
        self.relay_s += by_s
        self.end_s += by_s

    @property
    def silent_relays(self) -> int:
        """Relays that said nothing at all: perhaps it is we who cannot be reached."""
        return sum(not failed for failed in (self.asked or {}).values())

    @property
    def witnesses(self) -> set[Id]:
        """Relays that failed to reach it."""
        return {relay for relay, failed in (self.asked or {}).items() if failed}


@define
class Errand:
    """Another's question: `asker` wants to know, under its `number`, whether `target` lives."""

    asker: Id
    number: int
    target: Id
    until_s: float
