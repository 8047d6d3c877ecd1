"""What changes when one member leaves: links are worth keeping, since each has a state."""

import pytest

from gossipfl.topologies.named import parse_topology
from tests.topologies.matrices import links, names

SIZE = 60
# Links, counted from both ends, that may be new among those who stay.  A graph over places has to
# move everybody behind the gap; these are drawn of ids.
NEW_MAX = {
    "complete": 0,
    "ring": 2,
    "line": 2,
    "torus": 2 * (8 + 2) * 2,
    "random:4": 4 + 2,
    "random:8": 2 * (8 + 2),
    "erdos-renyi": 20,
    "small-world:4:0.2": 16,
}


@pytest.mark.parametrize("name", NEW_MAX)
def test_few_links_are_new_when_one_leaves(name: str) -> None:
    ids = names(SIZE)
    topology = parse_topology(name, seed=3)
    before = links(topology, ids)
    for gone in ids[1:-1:7]:
        left = [each for each in ids if each != gone]
        new = links(topology, left) - before
        assert len(new) <= NEW_MAX[name]


def test_the_star_finds_another_hub() -> None:
    """Whoever is first then; all that stay agree on it."""
    ids = names(10)[1:]
    assert {taken for taker, taken in links(parse_topology("star"), ids) if taker != "001"} == {
        "001"
    }
