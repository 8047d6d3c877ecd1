"""Edge lists in files: CSV with two columns, JSON, GraphML.

JSON is a list of pairs, or an object with `links` or `edges` of objects with `source` and `target`,
and perhaps `nodes` with `id`, as NetworkX's node-link data.  In GraphML (graphml.graphdrawing.org)
the ids of `node` and the ends of `edge` are read; other things are left alone.  Links go both ways,
even those of a directed graph.  Ids that are whole numbers are numbers of nodes, from 0.
"""

import csv
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final
from xml.parsers import expat

from gossipfl.errors import ConfigError
from gossipfl.topologies.edge_list import EdgeList
from gossipfl.topologies.members import padded

FILE_BYTES_MAX: Final = 8 * 1024 * 1024
IDS_MAX: Final = 10_000
EDGES_MAX: Final = 200_000
ID_MAX: Final = 64
_GRAPHML: Final = "http://graphml.graphdrawing.org/xmlns "

# Ids that stand for themselves, and edges.
Found = tuple[list[str], list[tuple[str, str]]]


def read_edges(name: str | Path) -> EdgeList:
    """The graph in a file.  Raises ConfigError with the file, the place and the remedy."""
    path = Path(name)
    parse = _PARSERS.get(path.suffix.lower())
    if parse is None:
        raise ConfigError(f"{path}: an edge list is a .csv, .json or .graphml file")
    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
    if len(content) > FILE_BYTES_MAX:
        raise ConfigError(f"{path} is above {FILE_BYTES_MAX >> 20} MiB: too long for an edge list")
    try:
        return _graph(*parse(content))
    except ValueError as error:
        raise ConfigError(f"{path}: {error}") from None


def _graph(nodes: list[str], edges: list[tuple[str, str]]) -> EdgeList:
    if not edges:
        raise ValueError("there is no edge in it; a line of CSV is one, such as: 0,1")
    if len(edges) > EDGES_MAX:
        raise ValueError(f"{len(edges)} edges; at most {EDGES_MAX} are read")
    graph = EdgeList(edges, nodes)
    if len(graph.ids) > IDS_MAX:
        raise ValueError(f"{len(graph.ids)} nodes; at most {IDS_MAX} are read")
    return graph


def _id(value: Any) -> str:
    """A number is padded, as numbers of nodes are.  Raises ValueError."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        value = str(value)
    if not isinstance(value, str) or not value.strip() or len(value) > ID_MAX:
        raise ValueError(f"{str(value)[:40]!r} is no id: 1 to {ID_MAX} characters, or a number")
    text = value.strip()
    if not text.isprintable():
        raise ValueError(f"the id {text!r} has characters that cannot be shown")
    return padded(text)


def _edge(one: Any, other: Any) -> tuple[str, str]:
    ends = _id(one), _id(other)
    if ends[0] == ends[1]:
        raise ValueError(f"an edge from {ends[0]!r} to itself: leave it out")
    return ends


def _parse_csv(content: bytes) -> Found:
    edges = []
    for number, row in enumerate(csv.reader(content.decode("utf-8-sig").splitlines()), 1):
        if not row or (number == 1 and [cell.strip().lower() for cell in row] in _HEADERS):
            continue
        if len(row) != 2:
            raise ValueError(f"line {number} has {len(row)} columns: an edge is two ids, as in 0,1")
        edges.append(_edge(*row))
    return [], edges


_HEADERS: Final = (["source", "target"], ["from", "to"])


def _parse_json(content: bytes) -> Found:
    try:
        plain = json.loads(content)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if isinstance(plain, list):
        return [], [_edge(*_two(each)) for each in plain]
    if not isinstance(plain, dict):
        raise ValueError('write a list of pairs, as in [["0", "1"], ["1", "2"]]')
    links = _list(plain.get("links", plain.get("edges")), "links")
    nodes = _list(plain.get("nodes", []), "nodes")
    return (
        [_id(_key(node, "id")) for node in nodes],
        [_edge(_key(link, "source"), _key(link, "target")) for link in links],
    )


def _two(pair: Any) -> Iterable[Any]:
    if not isinstance(pair, list) or len(pair) != 2:
        raise ValueError(f"{str(pair)[:40]} is no edge: write two ids in brackets")
    return pair


def _list(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{name!r} is a list; without one there is no graph")
    return value


def _key(value: Any, key: str) -> Any:
    if not isinstance(value, dict) or key not in value:
        raise ValueError(f"{str(value)[:40]} has no {key!r}")
    return value[key]


def _parse_graphml(content: bytes) -> Found:
    nodes: list[str] = []
    edges: list[tuple[str, str]] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        kind = name.removeprefix(_GRAPHML)
        if kind == "node":
            nodes.append(_id(_key(attributes, "id")))
        elif kind == "edge":
            edges.append(_edge(_key(attributes, "source"), _key(attributes, "target")))

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = start
    parser.EntityDeclHandler = _refuse_entities
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        raise ValueError(f"it is no XML: {error}") from None
    return nodes, edges


def _refuse_entities(*_: object) -> None:
    """A few of them can stand for gigabytes."""
    raise ValueError("it declares entities, which no graph needs: remove them")


_PARSERS: Final[dict[str, Callable[[bytes], Found]]] = {
    ".csv": _parse_csv,
    ".json": _parse_json,
    ".graphml": _parse_graphml,
}
