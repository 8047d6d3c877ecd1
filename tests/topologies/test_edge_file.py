"""Graphs from files: three formats, bounded, and repaired when members are gone."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.errors import ConfigError
from gossipfl.topologies.edge_file import read_edges
from gossipfl.topologies.edge_list import EdgeList
from gossipfl.topologies.members import member_ids, members_for
from gossipfl.topologies.named import parse_topology
from tests.topologies.matrices import links

GRAPHML = """<?xml version="1.0"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
  <key id="w" for="edge" attr.name="weight"/>
  <graph edgedefault="directed">
    <node id="attic"/><node id="cellar"/><node id="kitchen"/>
    <edge source="attic" target="kitchen"><data key="w">3</data></edge>
    <edge source="kitchen" target="cellar"/>
  </graph>
</graphml>"""
HOUSE = {("attic", "kitchen"), ("cellar", "kitchen")}


def written(directory: Path, name: str, content: str) -> Path:
    path = directory / name
    path.write_text(content, "utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("house.csv", "attic,kitchen\nkitchen,cellar\n"),
        ("house.CSV", "\ufeffSource,Target\n\nattic, kitchen\nkitchen,cellar\ncellar,kitchen"),
        ("house.json", '[["attic", "kitchen"], ["cellar", "kitchen"]]'),
        (
            "house.json",
            json.dumps(
                {
                    "nodes": [{"id": "attic"}],
                    "links": [
                        {"source": "attic", "target": "kitchen", "weight": 2},
                        {"source": "cellar", "target": "kitchen"},
                    ],
                }
            ),
        ),
        ("house.graphml", GRAPHML),
        ("house.graphml", GRAPHML.replace(' xmlns="http://graphml.graphdrawing.org/xmlns"', "")),
    ],
)
def test_all_formats_say_the_same(tmp_path: Path, name: str, content: str) -> None:
    graph = read_edges(written(tmp_path, name, content))
    assert graph.edges == HOUSE
    assert graph.ids == ("attic", "cellar", "kitchen")
    assert [n.id for n in graph.neighbours(graph.ids, "kitchen", 0)] == ["attic", "cellar"]


def test_whole_numbers_are_numbers_of_nodes(tmp_path: Path) -> None:
    """So that 10 comes behind 9 and not behind 1."""
    content = "\n".join(f"{i},{i + 1}" for i in range(11))
    path = written(tmp_path, "line.csv", content)
    graph = parse_topology(f"edges:{path}")
    assert members_for(graph, 12) == member_ids(12)
    line = parse_topology("line")
    assert graph.adjacency(member_ids(12), 0) == line.adjacency(member_ids(12), 0)
    with pytest.raises(ConfigError, match="of 12 nodes, not of 8"):
        members_for(graph, 8)


@pytest.mark.parametrize(
    ("name", "content", "lesson"),
    [
        ("a.csv", "", "no edge"),
        ("a.csv", "a,b,c", "line 1 has 3 columns"),
        ("a.csv", "a,b\nc", "line 2 has 1 columns"),
        ("a.csv", "a,a", "to itself"),
        ("a.csv", "a,", "no id"),
        ("a.csv", f"a,{'b' * 65}", "no id"),
        ("a.csv", "a,b\x07", "cannot be shown"),
        ("a.json", "3", "list of pairs"),
        ("a.json", "[[1, 2, 3]]", "two ids"),
        ("a.json", "[[1, true]]", "no id"),
        ("a.json", "[[-1, 2]]", "no id"),
        ("a.json", "{}", "'links' is a list"),
        ("a.json", '{"links": [{"source": 1}]}', "has no 'target'"),
        ("a.json", "[", "line 1 column 2"),
        ("a.json", "[" * 100_000, "nested too deeply|Expecting value"),
        ("a.graphml", "<graphml><edge source='a'/></graphml>", "has no 'target'"),
        ("a.graphml", "<graphml>", "no XML"),
        (
            "a.graphml",
            '<!DOCTYPE g [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><graphml>&b;</graphml>',
            "declares entities",
        ),
    ],
)
def test_mistakes_are_explained(tmp_path: Path, name: str, content: str, lesson: str) -> None:
    with pytest.raises(ConfigError, match=lesson):
        read_edges(written(tmp_path, name, content))


def test_no_file_is_too_long(tmp_path: Path) -> None:
    long = tmp_path / "long.csv"
    long.write_bytes(b"0,1\n" * (2 << 20) + b"1,2")
    with pytest.raises(ConfigError, match="above 8 MiB"):
        read_edges(long)
    many = "\n".join(f"{i},{i + 1}" for i in range(10_001))
    with pytest.raises(ConfigError, match="10002 nodes; at most 10000"):
        read_edges(written(tmp_path, "many.csv", many))
    thick = "0,1\n" * 200_001
    with pytest.raises(ConfigError, match="200001 edges; at most 200000"):
        read_edges(written(tmp_path, "thick.csv", thick))


@given(content=st.binary(max_size=200), kind=st.sampled_from(["csv", "json", "graphml"]))
def test_any_bytes_give_a_graph_or_one_clear_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, kind: str
) -> None:
    path = tmp_path_factory.getbasetemp() / f"any.{kind}"
    path.write_bytes(content)
    reason = str(path)
    try:
        assert read_edges(path).edges
    except ConfigError as error:
        reason = str(error)
    assert str(path) in reason


trees = st.lists(st.integers(0, 10**6), min_size=2, max_size=16).map(
    lambda draws: [(f"{i + 1:02d}", f"{draw % (i + 1):02d}") for i, draw in enumerate(draws)]
)


@given(edges=trees, gone=st.sets(st.integers(0, 16), max_size=10))
def test_what_was_connected_stays_so_without_some(edges, gone: set[int]) -> None:
    """A tree falls apart without repair wherever an inner node is gone."""
    graph = EdgeList(edges)
    left = tuple(name for name in graph.ids if int(name) not in gone)
    adjacency = graph.adjacency(left, 0)
    reached = set(range(min(1, len(left))))
    for _ in left:
        reached |= {j for i in reached for j in adjacency[i]}
    assert len(reached) == len(left)
    kept = {(i, j) for i, j in links(graph, graph.ids) if {i, j} <= set(left)}
    assert kept <= links(graph, left)


def test_members_that_no_edge_names_have_no_links() -> None:
    graph = EdgeList([("a", "b")])
    assert graph.neighbours(["a", "b", "c"], "c", 0) == ()
