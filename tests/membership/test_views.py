"""Which links to make and to end."""

import pytest

from gossipfl.membership.views import Admission, Views

PEERS = [bytes([number]) * 8 for number in range(6)]
SUSPECT = PEERS[5]


def views(view: int = 3, view_max: int = 4) -> Views:
    """Where peers with higher numbers were met more often, and the last one is a suspect."""
    return Views(view, view_max, PEERS.index, SUSPECT.__eq__)


@pytest.mark.parametrize(
    ("linked", "view", "is_urgent"),
    [
        ([], 3, True),
        (PEERS[:1], 3, True),
        ([PEERS[0], SUSPECT], 3, True),
        (PEERS[:2], 3, False),
        (PEERS[:1], 1, False),
        ([SUSPECT], 1, True),
    ],
)
def test_fewer_than_two_living_links_are_urgent(linked: list, view: int, is_urgent: bool) -> None:
    assert views(view).is_urgent(linked) is is_urgent


@pytest.mark.parametrize(
    ("linked", "urgent", "view_max", "admission"),
    [
        (PEERS[:3], False, 4, Admission(True)),
        (PEERS[:4], False, 4, Admission(False)),
        (PEERS[:4], True, 4, Admission(True, PEERS[0])),
        ([*PEERS[1:4], SUSPECT], False, 4, Admission(True, SUSPECT)),
        # Without links to spare, two that need one would take it from each other for ever.
        (PEERS[:3], True, 3, Admission(False)),
    ],
)
def test_the_full_make_room_for_urgent_ones_alone(
    linked: list, urgent: bool, view_max: int, admission: Admission
) -> None:
    assert views(view_max=view_max).admit(linked, urgent=urgent) == admission
