"""Members that get hardly any CPU for a while: they sleep, run for an instant, and sleep again."""

from collections.abc import Iterable

from overlays.world import World

# Means of exponential draws, in seconds: a spell, the calm between two, a sleep within a spell.
SPELL_S, CALM_S, SLEEP_S = 30.0, 30.0, 5.0
SLICE_S = 0.05


def starve(world: World, numbers: Iterable[int]) -> None:
    """From now on these members starve in spells."""
    for number in numbers:
        world.engine.schedule(float(world.rng.uniform(0, CALM_S)), _Victim(world, number).spell)


class _Victim:
    """One of them."""

    def __init__(self, world: World, number: int) -> None:
        self._world = world
        self._number = number
        self._end_s = 0.0

    def spell(self) -> None:
        """A spell begins."""
        self._end_s = self._world.now_s + float(self._world.rng.exponential(SPELL_S))
        self._sleep()

    def _sleep(self) -> None:
        world = self._world
        if world.now_s >= self._end_s:
            world.engine.schedule(float(world.rng.exponential(CALM_S)), self.spell)
            return
        sleep_s = float(world.rng.exponential(SLEEP_S))
        world.members[self._number].sleep(sleep_s)
        world.engine.schedule(sleep_s + SLICE_S, self._sleep)
