"""Traces from CSV: who is online when, and what is refused."""

from pathlib import Path

import numpy as np
import pytest

from gossipfl.errors import ConfigError, DataError
from gossipfl.node.simulations import traces
from gossipfl.node.simulations.traces import read_trace
from gossipfl.simulation.churn import Presence
from gossipfl.simulation.engine import Engine


def trace(folder: Path, *lines: str, header: str = "node,from_s,to_s"):
    path = folder / "trace.csv"
    path.write_text("\n".join([header, *lines]))
    return read_trace(path, nodes=3)


def online(found, times_s):
    """At each of these times, the nodes that are there."""
    engine, presence = Engine(), Presence(3)
    found.start(engine, presence, np.random.default_rng(0))
    seen = []
    for time_s in times_s:
        engine.run_until(time_s)
        seen.append([node for node in range(3) if presence.is_online(node)])
    return seen


def test_nodes_are_there_in_their_sessions_and_others_always(tmp_path):
    found = trace(tmp_path, "0,2,4", "2,0,3", "0,6.5,7")
    assert online(found, [0, 1, 2, 3, 4, 6, 6.5, 7]) == [
        *([1, 2], [1, 2], [0, 1, 2], [0, 1], [1], [1], [0, 1], [1])
    ]


def test_a_session_that_follows_at_once_goes_on(tmp_path):
    assert online(trace(tmp_path, "1,3,5", "1,1,3"), [0, 1, 3, 5]) == [
        *([0, 2], [0, 1, 2], [0, 1, 2], [0, 2])
    ]


def test_other_columns_do_not_matter(tmp_path):
    found = trace(tmp_path, "x,9,1,0", header="name,to_s,node,from_s")
    assert online(found, [0, 9]) == [[0, 1, 2], [0, 2]]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("3,0,1", "line 2, column 'node': nodes are numbered 0 to 2, not 3"),
        ("-1,0,1", "nodes are numbered"),
        ("0.5,0,1", "nodes are numbered"),
        ("0,-1,1", "line 2: a session from -1 s to 1 s"),
        ("0,2,2", "a session from 2 s to 2 s"),
        ("0,1,inf", "not a finite"),
        ("0,1,soon", "column 'to_s': 'soon' is not a number"),
        ("0,1", "2 cells"),
    ],
)
def test_lines_that_make_no_sense_are_named(tmp_path, line, said):
    with pytest.raises(DataError) as raised:
        trace(tmp_path, line)
    assert said in str(raised.value)


def test_sessions_that_overlap_are_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"trace.csv: node 1 has a session from 0 s to 5 s"):
        trace(tmp_path, "1,0,5", "0,0,5", "1,4,6")


def test_columns_must_be_there(tmp_path):
    with pytest.raises(DataError, match="no column 'from_s'"):
        trace(tmp_path, "0,1", header="node,to_s")


def test_there_is_an_end_to_what_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(traces, "SESSIONS_MAX", 2)
    trace(tmp_path, "0,0,1", "1,0,1")
    with pytest.raises(DataError, match="above 2 sessions"):
        trace(tmp_path, "0,0,1", "1,0,1", "2,0,1")
