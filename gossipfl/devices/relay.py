"""The link between a device and its agent: one node of the mesh, in two places.

The node's model is what the device holds plus what the agent has not told it yet.  So neither end
merges the other's half by weights; each takes it whole,

    at the device   x += q                 at the agent   x += q'               q the agent's half
    at both ends    R += q + q'                                                 q' the device's

and the sum of all models is what the neighbours of one node would see.  Weighed instead, as between
two nodes, the agent's own model would be a mass that never trains: the mesh would learn more
slowly, and control variates would tend to the wrong place.

The agent's control variate is what the device is still owed: neighbours' displacements come in by
the gains of their links, and go out with q.  The gain that does both is about the ratio of what is
owed to what is not told yet.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from gossipfl.compression.codec import Codec
from gossipfl.compression.delta import Delta
from gossipfl.compression.scales import decode_activity, encode_activity
from gossipfl.gossip.link import Applied, Side
from gossipfl.gossip.mix import Mix
from gossipfl.gossip.replica import Replica
from gossipfl.gossip.scheme import Scheme
from gossipfl.kernels.engine import scatter

Vector = NDArray[np.float32]
GAIN_MIN: Final = decode_activity(1)
NOTHING: Final = float(np.finfo(np.float32).tiny)


class Relay(Scheme):
    """The agent's end, which comes first and alone knows the gain.

    codec: of both halves.  dense: of whole anchors.
    """

    def __init__(self, codec: Codec, dense: Codec) -> None:
        self._codec = codec
        self._dense = dense

    def new_anchor(self) -> Vector:
        """None that a device would know: every link starts from a seed."""
        return np.zeros(self._codec.size, np.float32)

    def offer(self, replica: Replica, anchor: Vector) -> Side:
        """The most of what the device has not been told."""
        payload, _ = self._codec.encode_difference(replica.parameters, anchor)
        return Side(replica.samples, self._gain(replica, anchor, payload), payload)

    def _gain(self, replica: Replica, anchor: Vector, payload: bytes) -> int:
        """What takes the control variate that is owed along with the payload."""
        told = self._codec.decode(payload).indices
        owed, behind = replica.control[told], replica.parameters[told] - anchor[told]
        ratio = float(owed @ behind) / max(float(behind @ behind), NOTHING)
        return encode_activity(ratio) if ratio >= GAIN_MIN else 0

    def read(self, payload: bytes) -> Delta:
        """Raises RemoteProtocolError for anything but a delta of this model."""
        return self._codec.decode(payload)

    def mix(self, record: Applied, theirs: Delta, ours_first: bool) -> Mix:
        """Both halves whole, with the agent's gain."""
        code, ours = record.ours.activity, self._codec.decode(record.ours.payload)
        gain = decode_activity(code) if code else 0.0
        return Mix(ours, theirs, 1.0, 1.0, gain, ours_first)

    def judge(self, replica: Replica, link: bytes, anchor: Vector, mix: Mix) -> None:
        """An agent trusts its device."""

    def mix_replica(self, replica: Replica, link: bytes, mix: Mix) -> None:
        """x += q', and what goes out with q is owed no more."""
        ours, theirs = mix.ours, mix.theirs
        scatter.scatter_add(replica.parameters, theirs.indices, theirs.values, 1.0)
        scatter.scatter_add(replica.control, ours.indices, ours.values, -mix.activity)

    def mix_anchor(self, anchor: Vector, mix: Mix) -> None:
        """R += q + q'."""
        for half in (mix.ours, mix.theirs):
            scatter.scatter_add(anchor, half.indices, half.values, 1.0)

    def meet(self, replica: Replica, anchor: Vector) -> None:
        """Nobody else has been met."""

    def seed(self, replica: Replica) -> bytes:
        """The whole model."""
        return self._dense.encode(replica.parameters)

    def plant(self, anchor: Vector, payload: bytes) -> None:
        """R = the seed.  Raises RemoteProtocolError before it changes anything."""
        anchor[:] = self._dense.decode(payload).values
