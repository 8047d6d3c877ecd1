"""What two halves of an exchange come to."""

from attrs import define

from gossipfl.compression.delta import Delta


@define
class Mix:
    """One exchange as it is applied.

    ours, theirs: what the payloads say.
    our_weight, their_weight: shares of the merge, float32 numbers, the same at both ends.
    activity: the gain that both ends use for their control variates; 0 switches them off.
    ours_first: whose delta is added first, so that anchors agree to the bit.
    """

    ours: Delta
    theirs: Delta
    our_weight: float
    their_weight: float
    activity: float
    ours_first: bool
