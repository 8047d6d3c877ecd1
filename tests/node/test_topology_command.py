"""`gossipfl topology`: tables, CSV that can be read back, pictures."""

import csv
import io
from pathlib import Path

import pytest
from click.testing import CliRunner

from gossipfl.errors import ConfigError
from gossipfl.node.cli.topology import command
from gossipfl.topologies.members import member_ids
from gossipfl.topologies.named import KINDS, parse_topology


def run(*arguments: object) -> str:
    found = CliRunner().invoke(command, [str(each) for each in arguments], catch_exceptions=False)
    assert found.exit_code == 0, found.output
    return found.output


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_list_has_every_name_with_its_numbers() -> None:
    found = run("list")
    assert all(f"\n{kind.usage(name)} " in found for name, kind in KINDS.items())
    assert "edges:FILE" in found


def test_show_tells_what_each_takes_and_keeps() -> None:
    lines = run("show", "star", "--nodes", 4).splitlines()
    assert lines[1].split() == ["0", "0.250", "1", "(0.250)", "2", "(0.250)", "3", "(0.250)"]
    assert lines[2].split() == ["1", "0.750", "0", "(0.250)"]
    assert "0 (0.500)" in run("show", "base:2", "--nodes", 4, "--epoch", 1).splitlines()[3]


def test_what_show_prints_is_an_edge_list_again(tmp_path: Path) -> None:
    links = table(run("show", "small-world", "--nodes", 20, "--seed", 3, "--csv"))
    edges = tmp_path / "edges.csv"
    edges.write_text("\n".join(f"{link['source']},{link['target']}" for link in links))
    again = parse_topology(f"edges:{edges}").adjacency(member_ids(20), 0)
    assert again == parse_topology("small-world", 3).adjacency(member_ids(20), 0)
    shown = run("show", f"edges:{edges}")
    assert len(shown.splitlines()) == 21


def test_compare_has_a_line_each_and_all_without_names() -> None:
    found = table(run("compare", "ring", "base:2", "--nodes", 25, "--csv", "--parameters", 250))
    assert [row["topology"] for row in found] == ["ring", "base:2"]
    assert [row["period"] for row in found] == ["1", "9"]
    assert [row["rounds"] for row in found] == ["268", "9"]
    assert found[0]["kB sent"] == found[0]["models sent"] == str(2 * 268)
    everything = table(run("compare", "--nodes", 8, "--csv"))
    assert [row["topology"] for row in everything] == list(KINDS)


def test_analyse_says_more_and_takes_a_tolerance() -> None:
    found = run("analyse", "torus", "--nodes", 36, "--tolerance", 0.01, "--parameters", 1000)
    assert "rounds to consensus (0.01 of the variance)" in found
    assert "kB until then, 1000 parameters" in found
    assert "still connected after 50% fail with most links" in found


def test_draw_writes_a_picture(tmp_path: Path) -> None:
    run("draw", "torus", "--output", tmp_path / "torus.svg")
    assert (tmp_path / "torus.svg").read_text().count("<circle") == 16


@pytest.mark.parametrize(
    ("arguments", "lesson"),
    [
        (("analyse", "rnig"), "did you mean 'ring'"),
        (("draw", "ring", "--output", "mesh.jpg"), "ends in .svg or .png"),
        (("show", "edges:none.csv"), "cannot read none.csv"),
    ],
)
def test_mistakes_are_explained(arguments: tuple[str, ...], lesson: str) -> None:
    with pytest.raises(ConfigError, match=lesson):
        CliRunner().invoke(command, arguments, catch_exceptions=False)
