"""Pictures of meshes: every node and link is on them, and files are what their names say."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from gossipfl.errors import ConfigError, StateError
from gossipfl.node.drawing.meshes import draw_topology
from gossipfl.node.drawing.picture import write
from gossipfl.node.drawing.sketch import Dot, Line, Sketch, Words
from gossipfl.node.drawing.svg import render_svg
from gossipfl.topologies.members import member_ids
from gossipfl.topologies.mixing import Mixing
from gossipfl.topologies.named import parse_topology

SVG = "{http://www.w3.org/2000/svg}"


def sketch(name: str, size: int) -> Sketch:
    labels = [f"n{number}" for number in range(size)]
    return draw_topology(name, Mixing(parse_topology(name), member_ids(size)), labels)


def of(found: Sketch, kind: type) -> list:
    return [mark for mark in found.marks if isinstance(mark, kind)]


def test_a_graph_is_one_panel_with_every_node_and_link() -> None:
    found = sketch("ring", 9)
    assert len(of(found, Dot)) == len(of(found, Line)) == 9
    assert not any(line.arrow for line in of(found, Line))
    assert [words.text for words in of(found, Words)] == [
        "ring, 9 nodes", *(f"n{number}" for number in range(9)),
    ]  # fmt: skip
    for dot in of(found, Dot):
        assert 0 < dot.centre[0] < found.width
        assert 0 < dot.centre[1] < found.height


def test_a_schedule_is_a_panel_a_round_and_arrows_show_where_models_go() -> None:
    found = sketch("one-peer", 8)
    titles = [words.text for words in of(found, Words) if "round" in words.text]
    assert titles == [f"one-peer, 8 nodes, round {number}" for number in (1, 2, 3)]
    lines = of(found, Line)
    assert len(lines) == 3 * 8 - 4 * 0 - (8 - 4)  # half of eight places on both ends meet
    first = lines[0]
    assert first.arrow
    dots = {dot.centre: number for number, dot in enumerate(of(found, Dot)[:8])}
    assert dots[first.start] == 7, "the first node takes from the last"


def test_many_rounds_are_twelve_panels_and_many_nodes_have_no_names() -> None:
    assert len([w for w in of(sketch("matching", 200), Words) if "round" in w.text]) == 12
    assert len(of(sketch("ring", 200), Words)) == 1


def test_svg_is_xml_with_every_mark() -> None:
    marks = [Line((0, 0), (9, 0), 1.0, arrow=True), Dot((9, 9), 3), Words((5, 5), "a<b&c", 9)]
    root = ElementTree.fromstring(render_svg(Sketch(20, 10, marks)))
    assert root.attrib["viewBox"] == "0 0 20 10"
    kinds = [child.tag.removeprefix(SVG) for child in root]
    assert kinds == ["rect", "path", "polygon", "circle", "text"]
    assert root.findtext(f"{SVG}text") == "a<b&c"
    points = root.find(f"{SVG}polygon").attrib["points"].split()  # type: ignore[union-attr]
    assert points[0] == "9.0,0.0", "the head's tip is the end"


def test_files_are_written_as_their_ending_says(tmp_path: Path) -> None:
    write(sketch("ring", 4), tmp_path / "mesh.SVG")
    assert (tmp_path / "mesh.SVG").read_text().startswith("<svg")
    with pytest.raises(ConfigError, match=r"ends in \.svg or \.png"):
        write(sketch("ring", 4), tmp_path / "mesh.gif")
    with pytest.raises(StateError, match="cannot write"):
        write(sketch("ring", 4), tmp_path / "nowhere" / "mesh.svg")


def test_png(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    write(sketch("one-peer", 6), tmp_path / "mesh.png")
    assert (tmp_path / "mesh.png").read_bytes().startswith(b"\x89PNG")
