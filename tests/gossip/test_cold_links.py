"""A link that is far behind is told much more at once."""

import numpy as np
import pytest

from gossipfl.gossip.caution import Caution
from gossipfl.gossip.guard import WARM_UP_ROUNDS
from gossipfl.gossip.replica import Replica
from tests.gossip.pair import SIZE, initial_model, make_scheme


def settled_replica(*, caution: Caution | None = None) -> Replica:
    """Of a node that has seen many rounds, with residuals of norm 1."""
    replica = Replica(initial_model(), samples=1, step_size=1, activity=0.1, caution=caution)
    for _ in range(WARM_UP_ROUNDS + 1):
        replica.guard.note(1.0)
        replica.end_round()
    replica.parameters += np.float32(3)
    return replica


@pytest.mark.parametrize(("trusted", "share"), [(True, 0.2), (False, 0.05)])
def test_only_where_neighbours_are_trusted(trusted: bool, share: float) -> None:
    scheme = make_scheme("anchored")
    replica = settled_replica(caution=None if trusted else Caution(SIZE, seed=0))
    payload = scheme.offer(replica, scheme.new_anchor()).payload
    assert len(scheme.read(payload).indices) == share * SIZE


def test_a_warm_link_is_told_as_much_as_ever() -> None:
    scheme, replica = make_scheme("anchored"), settled_replica()
    anchor = replica.parameters - np.float32(0.1)
    assert len(scheme.read(scheme.offer(replica, anchor).payload).indices) == 0.05 * SIZE
