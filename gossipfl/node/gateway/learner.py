"""The learner of an agent that stands for a device: training happens there, or by proxy."""

from typing import Final

import msgpack
import numpy as np
from numpy.typing import NDArray

from gossipfl.devices.messages import FromDevice, Hello, Offer, Sleep
from gossipfl.devices.plan import DevicePlan
from gossipfl.errors import StateError
from gossipfl.learning.learner import Evaluation, Fit
from gossipfl.node.gateway.proxy import Proxy
from gossipfl.wire.messages import SAMPLES_MAX

Vector = NDArray[np.float32]
# So many rounds of the agent without an exchange of the device: it rests, sleeps, or is away.
ROUNDS_MAX: Final = 8


class DeviceLearner:
    """Weighs as much as the device has samples, and steps as far as it was told to.

    Before the device was seen it weighs as little as a node can: its agent follows the mesh.

    proxy: trains here on samples that the device may send; None unless the operator allows it.
    """

    def __init__(self, plan: DevicePlan, proxy: Proxy | None = None) -> None:
        self.plan = plan
        self.proxy = proxy
        self._told_samples = 1
        self.size = plan.spec.parameters
        self._idle_rounds = ROUNDS_MAX

    @property
    def samples(self) -> int:
        """Of the device, or of those that are here."""
        return self._by_proxy.samples if self._by_proxy else self._told_samples

    @property
    def _by_proxy(self) -> Proxy | None:
        return self.proxy if self.proxy is not None and self.proxy.samples else None

    @property
    def step_size(self) -> float:
        """0 while the device does not train, as of any node that rests."""
        if self._by_proxy:
            return self._by_proxy.step_size
        return self.plan.step_size if self._idle_rounds < ROUNDS_MAX else 0.0

    def note(self, message: FromDevice) -> None:
        """The device has said this."""
        if isinstance(message, Offer):
            self._idle_rounds = 0
        elif isinstance(message, Sleep):
            self._idle_rounds = ROUNDS_MAX
        if isinstance(message, Hello | Offer):
            self._told_samples = message.samples

    def fit(self, parameters: Vector, correction: Vector) -> Fit:
        """What the device has learnt comes by its link, unless it cannot train."""
        if self._by_proxy:
            return self._by_proxy.fit(parameters, correction)
        self._idle_rounds += 1
        return Fit(parameters=parameters.copy(), loss=float("nan"), steps=0)

    def evaluate(self, parameters: Vector) -> Evaluation:
        """No row of the device's is here."""
        return Evaluation(loss=0.0, accuracy=None, error=None, samples=0)

    def complete(self, parameters: Vector) -> Vector:
        """Nothing is kept apart."""
        return parameters

    def snapshot(self) -> bytes:
        """How much the device weighs."""
        return bytes(msgpack.packb(self._told_samples))

    def restore(self, snapshot: bytes) -> None:
        """Raises StateError."""
        try:
            samples = msgpack.unpackb(snapshot)
        except (ValueError, msgpack.UnpackException):
            samples = None
        if type(samples) is not int or not 1 <= samples <= SAMPLES_MAX:
            raise StateError("what was stored of a device's samples is damaged")
        self._told_samples = samples
