"""DeepSqueeze: compressed models with error feedback, and a step towards the neighbours' ones.

Tang et al., "DeepSqueeze: Decentralization Meets Error-Compensated Compression" (2019,
arXiv:1907.07346), Algorithm 1.  Models are taken as differences to the initial one, which everybody
knows; the compressor is our own: top-k, a sign each, one scale a tensor.
"""

import numpy as np

from gossipfl.compression import Codec
from gossipfl.errors import ConfigError
from gossipfl.simulation.baselines.synchronous import Synchronous


class DeepSqueeze(Synchronous):
    """step: the consensus step size, above 0 and at most 1; the more is left out, the smaller."""

    def __init__(self, codec: Codec, step: float) -> None:
        super().__init__()
        if not 0 < step <= 1:
            raise ConfigError(f"DeepSqueeze's step is above 0 and at most 1, not {step}")
        self._codec = codec
        self._step = np.float32(step)

    def prepare(self) -> None:
        """errors: what each node's messages have left out so far; said: its newest payload."""
        self.errors = [np.zeros_like(self.world.initial) for _ in self.members]
        self.said = [b"" for _ in self.members]

    def speak(self, node: int) -> None:
        """v = x + error goes out compressed; what that loses is the next error."""
        error = self.errors[node]
        error += self.parameters(node) - self.world.initial
        self.said[node] = self._codec.encode(error)
        said = self._codec.decode(self.said[node])
        error[said.indices] -= said.values
        self.send(node, self.world.views.neighbours(node), self.said[node])

    def mix(self, node: int, heard: dict[int, bytes]) -> None:
        """x_i += step * sum_j W_ij (C(v_j) - C(v_i)), over those that were heard."""
        own, weights = self.parameters(node), self.world.views.weights(node)
        for other, payload in heard.items():
            for part, sign in ((payload, 1), (self.said[node], -1)):
                delta = self._codec.decode(part)
                gain = np.float32(sign * weights[other]) * self._step
                own[delta.indices] += gain * delta.values
