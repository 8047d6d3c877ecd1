"""The link between a device and its agent: a node of the mesh that trains somewhere else.

The agent is an ordinary node.  It has the model, the control variate and the links; only its local
steps are made by the device, which starts them from the anchor and keeps what no message had room
for in a residual of its own, as error feedback does (arXiv:1901.09847).  One exchange is

    at both ends    R += q                    q    the agent's half: where the next steps start
    at the agent    x += q' + step_size h     q'   the device's half: how far its steps went

A device knows no control variate.  Its steps go without, and the agent makes up for that when it
hears of them: to first order the same, and a vector less on the device.
"""

import numpy as np
from numpy.typing import NDArray

from gossipfl.compression.codec import Codec
from gossipfl.compression.delta import Delta
from gossipfl.gossip.link import Applied, Side
from gossipfl.gossip.mix import Mix
from gossipfl.gossip.replica import Replica
from gossipfl.gossip.scheme import Scheme
from gossipfl.kernels.engine import scatter

Vector = NDArray[np.float32]


class Relay(Scheme):
    """The agent's end, which comes first.

    codec: of both halves.  dense: of whole anchors.
    step_size: how far the device's steps of one round move along a constant gradient.
    """

    def __init__(self, codec: Codec, dense: Codec, step_size: float) -> None:
        self._codec = codec
        self._dense = dense
        self._step_size = np.float32(step_size)

    def new_anchor(self) -> Vector:
        """None that a device would know: every link starts from a seed."""
        return np.zeros(self._codec.size, np.float32)

    def offer(self, replica: Replica, anchor: Vector) -> Side:
        """The most of what the device has not been told of where steps are to start."""
        payload, _ = self._codec.encode_difference(replica.start(), anchor)
        return Side(replica.samples, 0, payload)

    def read(self, payload: bytes) -> Delta:
        """Raises RemoteProtocolError for anything but a delta of this model."""
        return self._codec.decode(payload)

    def mix(self, record: Applied, theirs: Delta, ours_first: bool) -> Mix:
        """Both halves whole."""
        return Mix(self._codec.decode(record.ours.payload), theirs, 1.0, 1.0, 0.0, ours_first)

    def judge(self, replica: Replica, link: bytes, anchor: Vector, mix: Mix) -> None:
        """An agent trusts its device."""

    def mix_replica(self, replica: Replica, link: bytes, mix: Mix) -> None:
        """x += q' + step_size h."""
        scatter.scatter_add(replica.parameters, mix.theirs.indices, mix.theirs.values, 1.0)
        replica.parameters += self._step_size * replica.correction()

    def mix_anchor(self, anchor: Vector, mix: Mix) -> None:
        """R += q."""
        scatter.scatter_add(anchor, mix.ours.indices, mix.ours.values, 1.0)

    def meet(self, replica: Replica, anchor: Vector) -> None:
        """Nobody else has been met."""

    def seed(self, replica: Replica) -> bytes:
        """Where steps are to start, whole."""
        return self._dense.encode(replica.start())

    def plant(self, anchor: Vector, payload: bytes) -> None:
        """R = the seed.  Raises RemoteProtocolError before it changes anything."""
        anchor[:] = self._dense.decode(payload).values
