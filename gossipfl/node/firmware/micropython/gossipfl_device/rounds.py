"""Local steps between two exchanges."""

from gossipfl_device.link import Link
from gossipfl_device.messages import Orders
from gossipfl_device.numbers import Vector
from gossipfl_device.rows import Rows
from gossipfl_device.sampling import Sampling
from gossipfl_device.step import Trainer


class Rounds:
    """steps_done: of the round that has begun.  seed: of the order of samples."""

    def __init__(self, rows: Rows, seed: int) -> None:
        self.steps_done = 0
        self._rows = rows
        self._sampling = Sampling(rows.count, seed)
        self._orders: Orders | None = None
        self._trainer: Trainer | None = None

    def step(self, link: Link) -> float:
        """One step; returns the loss before it."""
        orders, trainer = link.orders, self._trainer_for(link.orders)
        if not self.steps_done:
            link.begin()
        places = [self._sampling.next() for _ in range(min(orders.batch, self._rows.count))]
        self.steps_done += 1
        return trainer.step(link.x, self._rows, places, orders.learning_rate)

    def classify(self, link: Link, features: Vector[float]) -> int:
        """The class of a sample."""
        logits = self._trainer_for(link.orders).classify(link.anchor, features)
        return max(range(len(logits)), key=lambda i: logits[i])

    def _trainer_for(self, orders: Orders) -> Trainer:
        if self._trainer is None or orders is not self._orders:
            self._trainer = None  # its memory is free for the new one
            self._trainer = Trainer(orders.model, min(orders.batch, self._rows.count))
            self._orders = orders
        return self._trainer
