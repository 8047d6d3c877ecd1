"""Names with arguments, and errors that teach."""

import pytest

from gossipfl.errors import ConfigError
from gossipfl.topologies.clusters import Clusters
from gossipfl.topologies.erdos_renyi import ErdosRenyi
from gossipfl.topologies.named import KINDS, USAGE, parse_topology
from gossipfl.topologies.random_regular import RandomRegular
from gossipfl.topologies.small_world import SmallWorld
from gossipfl.topologies.tree import Tree


def test_arguments_may_be_left_out_from_the_end() -> None:
    assert parse_topology("random", 3) == RandomRegular(4, 3)
    assert parse_topology("random:6", 3) == RandomRegular(6, 3)
    assert parse_topology("tree:3") == Tree(3)
    assert parse_topology("small-world:6") == SmallWorld(6, 0.2, 0)
    assert parse_topology("small-world:6:0.05", 1) == SmallWorld(6, 0.05, 1)
    assert parse_topology("erdos-renyi:2.5") == ErdosRenyi(2.5, 0)
    assert parse_topology("clusters:3:2", 9) == Clusters(3, 2, 9)


@pytest.mark.parametrize("name", KINDS)
def test_every_name_stands_alone(name: str) -> None:
    ids = [str(i) for i in range(9)]
    assert all(parse_topology(name).neighbours(ids, own, 2) is not None for own in ids)


@pytest.mark.parametrize(
    ("text", "lesson"),
    [
        ("", "is unknown"),
        ("toros", "did you mean 'torus'"),
        ("hipercube", "did you mean 'hypercube'"),
        ("xyz", "gossipfl topology list"),
        ("edges", "did you mean 'edges:FILE'"),
        ("ring:2", "write ring$"),
        ("tree:2:3", r"write tree\[:CHILDREN\]"),
        ("random:", "degree is a whole number from 1 to 9999, not ''"),
        ("random:0", "degree is a whole number from 1"),
        ("random:-1", "degree is a whole number from 1"),
        ("random:2.5", "degree is a whole number"),
        ("random:10000", "to 9999"),
        ("base:1", "base is a whole number from 2"),
        ("small-world:4:1.5", "rewired is a number from 0 to 1"),
        ("small-world:4:nan", "rewired is a number from 0 to 1"),
        ("erdos-renyi:-1", "degree is a number from 0"),
        ("edges:nothing.csv", "cannot read nothing.csv"),
        ("edges:nothing.txt", "is a .csv, .json or .graphml file"),
    ],
)
def test_mistakes_are_explained(text: str, lesson: str) -> None:
    with pytest.raises(ConfigError, match=lesson):
        parse_topology(text)


def test_usage_shows_optional_parts_inside_each_other() -> None:
    assert "small-world[:DEGREE[:REWIRED]]" in USAGE
    assert "ring" in USAGE
    assert "edges:FILE" in USAGE
