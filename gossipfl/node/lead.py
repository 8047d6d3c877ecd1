"""A node's part with seeds: it watches its neighbourhood, and is led by a seed when that fails."""

from collections.abc import Callable
from typing import Final

import trio

from gossipfl.central.links import Purpose
from gossipfl.fallback.policy import FallbackPolicy, FallbackSettings, Mode, Sight
from gossipfl.node.mesh import Mesh, Neighbour
from gossipfl.node.mixer import Mixer
from gossipfl.node.observer import Observer

# Looks at the neighbourhood in the time after which it may fall back.
LOOKS: Final = 10
# Rounds between two visits of a node that needs no seed: they keep its model fresh for newcomers.
VISIT_ROUNDS: Final = 20
# The same where the seed leads others: then they are all that its clients and the mesh exchange.
BRIDGE_ROUNDS: Final = 4
LEADS_NOBODY: Final = 1  # what a seed weighs then


class Lead:
    """Says which seed to turn to, if any, and what for."""

    def __init__(
        self,
        settings: FallbackSettings,
        mesh: Mesh,
        mixer: Mixer,
        others: Callable[[], int],
        observer: Observer,
        resend_s: float,
        visits: bool,
    ) -> None:
        """others: how many members are known to live that are no seeds; visits: see `Purpose`."""
        self._policy = FallbackPolicy(settings)
        self._settings = settings
        self._mesh = mesh
        self._mixer = mixer
        self._others = others
        self._observer = observer
        self._resend_s = resend_s
        self._visits = visits
        self._leader: bytes | None = None
        self._rounds = 0
        self._called = trio.Event()

    @property
    def mode(self) -> Mode:
        """What the node goes by."""
        return self._policy.mode

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            sight = self._look()
            with trio.move_on_after(self._pause_s(sight)):
                await self._mesh.lost.wait()

    def _pause_s(self, sight: Sight) -> float:
        """While all is well, until silence could count: every round looks, lost links wake us."""
        look_s = self._settings.after_s / LOOKS
        if self._policy.is_calm:  # rounding may leave next to nothing of the time
            return max(self._settings.quiet_s - sight.silent_s, look_s)
        return look_s

    def _look_round(self) -> None:
        """At no cost of waking up; from the first thing amiss on, `run` looks more often."""
        self._look()
        if not self._policy.is_calm:
            self._mesh.announce_loss()

    def _look(self) -> Sight:
        living, now_s = self._mesh.living, trio.current_time()
        sight = Sight(
            living=len(living),
            # Whoever has enough of them need not know of more; there may be thousands.
            others=len(living) if len(living) >= self._settings.below else self._others(),
            stalled=all(map(self._mixer.owes_answer, living)),
            has_seed=bool(self._mesh.central),
            silent_s=min((now_s - each.heard_s for each in living), default=0.0),
        )
        switch = self._policy.see(sight, now_s)
        if switch is not None:
            self._leader = None
            self._rounds = -1  # who was led tells the seed with the next round
            if switch.mode is Mode.CENTRAL:
                self._called.set()
            mode, reason = switch.mode.value, switch.reason
            self._observer.emit("fallback.switched", mode=mode, reason=reason)
        return sight

    async def called(self) -> None:
        """Until a seed is to be turned to: that does not wait for the next round's time."""
        await self._called.wait()

    async def ready(self) -> None:
        """Until the next local steps may begin: who is led starts from the seed's next model.

        Not for ever: a seed that does not answer must not stop us learning.
        """
        seed = self._mesh.central[0] if self._joins else self._find_leader()
        if seed is not None and self._mixer.owes_answer(seed):
            with trio.move_on_after(self._resend_s):
                await seed.answered.wait()

    def turn(self) -> tuple[Neighbour, Purpose] | None:
        """The seed to open an exchange with after this round, if any, and what for."""
        if self._policy.is_calm:
            self._look_round()
        self._rounds += 1
        self._called = trio.Event()
        found = self._be_led() if self.mode is Mode.CENTRAL else self._visit()
        if self._joins:  # with the next round, which begins as soon as the seed has answered
            self._called.set()
        return found if found and self._mixer.is_ready(found[0], self._resend_s) else None

    @property
    def _joins(self) -> bool:
        """To be led, and has not said so yet, since a seed owes an answer to a visit."""
        is_led = self.mode is not Mode.CENTRAL or self._find_leader() is not None
        return not is_led and bool(self._mesh.central)

    def _be_led(self) -> tuple[Neighbour, Purpose] | None:
        seed = self._find_leader()
        if seed is not None:
            return seed, Purpose.UPDATE
        if not self._mesh.central:
            return None
        seed = self._mesh.central[0]
        if not self._mixer.owes_answer(seed):  # else that request is repeated first
            self._leader = seed.key
        return seed, Purpose.JOIN

    def _visit(self) -> tuple[Neighbour, Purpose] | None:
        if not self._visits or not self._mesh.central:
            return None
        seed = self._mesh.central[0]
        leads = seed.samples > LEADS_NOBODY
        due = self._rounds % (BRIDGE_ROUNDS if leads else VISIT_ROUNDS) == 0
        return (seed, Purpose.VISIT) if due else None

    def _find_leader(self) -> Neighbour | None:
        return next((each for each in self._mesh.central if each.key == self._leader), None)
