"""Fault scripts: what can be written is what can happen, and everything else is told why."""

import tomllib
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.errors import ConfigError
from gossipfl.faults.events import Clock, Kill, Restart
from gossipfl.faults.links import Cut, Loss, Slow
from gossipfl.faults.script import (
    DOWN,
    EVENTS_MAX,
    PAUSED,
    TRANSITIONS,
    UP,
    FaultScript,
    parse_script,
    read_script,
    to_table,
)

NODES: Final = 6


def script(*events: str) -> FaultScript:
    text = "\n".join(f"[[events]]\n{event}" for event in events)
    return parse_script(tomllib.loads(text), "f.toml")


def test_a_script_is_read_in_order_of_time_and_of_the_file() -> None:
    found = script(
        'do = "restart"\nat_s = 20\nnodes = [4, "0-1"]',
        'do = "cut"\nat_s = 5\ngroups = [[0, 1], ["2-5"]]',
        'do = "kill"\nat_s = 5.5\nnodes = ["0-1", 4]',
        'do = "loss"\nat_s = 5\nshare = 0.25',
        'do = "clock"\nat_s = 6\nnodes = [3]\njump_s = -3600',
        'do = "slow"\nat_s = 7\nlinks = [[0, 3]]\nbytes_per_s = 2000',
    )
    assert found.events == (
        Cut(at_s=5, groups=((0, 1), (2, 3, 4, 5))),
        Loss(at_s=5, share=0.25),
        Kill(at_s=5.5, nodes=(0, 1, 4)),
        Clock(at_s=6, nodes=(3,), jump_s=-3600.0),
        Slow(at_s=7, links=((0, 3),), bytes_per_s=2000.0),
        Restart(at_s=20, nodes=(0, 1, 4)),
    )
    assert found.end_s == 20
    assert [str(event) for event in found.events] == [
        "cut 0-1 from 2-5",
        "loss everywhere: 25%",
        "kill 0-1, 4",
        "clock 3 by -3600 s",
        "slow 0-3",
        "restart 0-1, 4",
    ]
    found.check(NODES)
    assert parse_script({"events": [to_table(each) for each in found.events]}, "again") == found


@pytest.mark.parametrize(
    ("event", "complaint"),
    [
        ('do = "kil"\nat_s = 1', "did you mean 'kill'?"),
        ("at_s = 1\nnodes = [1]", 'do = "kill"'),
        ('do = "kill"\nnodes = [1]', "at_s is missing"),
        ('do = "kill"\nat_s = 1', "nodes is missing"),
        ('do = "kill"\nat_s = 1\nnode = [1]', "did you mean 'nodes'?"),
        ('do = "kill"\nat_s = 1\nnodes = 1', '[0, "4-7"]'),
        ('do = "kill"\nat_s = 1\nnodes = []', '[0, "4-7"]'),
        ('do = "kill"\nat_s = 1\nnodes = ["5-4"]', "a range goes up"),
        ('do = "kill"\nat_s = 1\nnodes = [true]', "neither a node's number"),
        ('do = "kill"\nat_s = 1\nnodes = [-1]', "neither a node's number"),
        ('do = "kill"\nat_s = -1\nnodes = [1]', "'at_s' must be >= 0"),
        ('do = "kill"\nat_s = nan\nnodes = [1]', "not a finite number"),
        ('do = "kill"\nat_s = 1\nnodes = [6]', "there is no node 6: they are 0 to 5"),
        ('do = "kill"\nat_s = 1\nnodes = ["0-5"]', "no node would be up any more"),
        ('do = "resume"\nat_s = 1\nnodes = [1]', "node 1 is up by then"),
        ('do = "clock"\nat_s = 1\nnodes = [1]', "jump_s is missing"),
        ('do = "cut"\nat_s = 1', "say what to cut"),
        ('do = "cut"\nat_s = 1\ngroups = [[0, 1]]', "name two groups"),
        ('do = "cut"\nat_s = 1\ngroups = [[0, 1], [1, 2]]', "node 1 is in two groups"),
        ('do = "cut"\nat_s = 1\ngroups = [[0], [1]]\nnodes = [2]', "not several"),
        ('do = "cut"\nat_s = 1\nlinks = [[0, 1, 2]]', "no pair of nodes"),
        ('do = "cut"\nat_s = 1\nlinks = [[0, 0]]', "joins a node to itself"),
        ('do = "slow"\nat_s = 1', "say how slow"),
        ('do = "slow"\nat_s = 1\nbytes_per_s = 0', "'bytes_per_s' must be > 0"),
        ('do = "loss"\nat_s = 1\nshare = 2', "'share' must be <= 1"),
        ('do = "heal"\nat_s = 1\nnodes = [9]', "there is no node 9"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(event: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as refused:
        script(event).check(NODES)
    message = str(refused.value)
    assert message.startswith("f.toml")
    assert complaint in message
    assert "\n" not in message


@pytest.mark.parametrize("text", ["", "events = 3", "[events]\nat_s = 1", "[[event]]\nat_s = 1"])
def test_files_that_are_no_scripts(tmp_path: Path, text: str) -> None:
    path = tmp_path / "faults.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=str(path)):
        read_script(path)


def test_scripts_are_bounded() -> None:
    with pytest.raises(ConfigError, match="1 to 1000"):
        script(*['do = "heal"\nat_s = 1'] * (EVENTS_MAX + 1))


DOINGS: Final = ("kill", "pause", "resume", "restart")


@given(st.lists(st.tuples(st.sampled_from(DOINGS), st.integers(0, 2)), max_size=12))
def test_a_script_is_refused_exactly_when_it_cannot_happen(steps: list[tuple[str, int]]) -> None:
    """Against a walk through the table; node 3 stays up, so that one always is."""
    events = [f'do = "{do}"\nat_s = {i}\nnodes = [{node}]' for i, (do, node) in enumerate(steps)]
    kinds = {kind.__name__.lower(): kind for _, kind in TRANSITIONS}
    conditions, possible = [UP] * 4, True
    for do, node in steps:
        following = TRANSITIONS.get((conditions[node], kinds[do]))
        possible = possible and following is not None
        conditions[node] = following or conditions[node]
    if not steps:
        return
    if possible:
        script(*events).check(4)
    else:
        with pytest.raises(ConfigError, match="by then"):
            script(*events).check(4)


def test_every_condition_can_be_reached_and_left() -> None:
    assert set(TRANSITIONS.values()) == {UP, DOWN, PAUSED} == {state for state, _ in TRANSITIONS}
