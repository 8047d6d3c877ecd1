"""Gossip learning with token accounts: a node passes news on at once, if it has saved.

Danner and Hegedűs, "Token account algorithms: the best of the proactive and reactive worlds" (2018,
doi:10.1109/ICDCS.2018.00090): the randomised account, with the C = 20 and A = 10 that Hegedűs,
Danner and Jelasity (2021, doi:10.1016/j.jpdc.2020.10.006) gossip models with.  A model then walks
from node to node in bursts, and as many messages are sent in all.
"""

from typing import Final

import numpy as np

from gossipfl.simulation.baselines.hegedus import Hegedus
from gossipfl.simulation.world import World
from gossipfl.wire.messages import Request

CAPACITY: Final = 20
RESERVE: Final = 10


class TokenAccounts(Hegedus):
    """accounts: tokens per node, 0 to CAPACITY; one is earned a round and one spent a message."""

    def start(self, world: World) -> None:
        """All accounts are empty."""
        self.accounts = np.zeros(len(world.members), np.int64)
        super().start(world)

    def take_turn(self, node: int) -> None:
        """Speak of one's own accord the more likely the more has been saved; else save."""
        above = self.accounts[node] - RESERVE + 1
        if self.draw(node) < above / (CAPACITY - RESERVE + 1):
            self.speak(node)
        else:
            self.accounts[node] += 1

    def receive(self, node: int, sender: int, message: Request) -> None:
        """Learn, then pass the result on to a RESERVE-th of what was saved, rounded by chance."""
        super().receive(node, sender, message)
        count = int(self.accounts[node] / RESERVE + self.draw(node))
        self.accounts[node] -= count
        for _ in range(count):
            self.speak(node)
