"""What a terminal shows while simulations run."""

import io
import re
import sys

import pytest

from gossipfl.node.cli.live import Live
from gossipfl.node.simulations.processes import Processes
from gossipfl.node.simulations.study import Case
from gossipfl.node.simulations.sweep import run_all
from tests.simulator.task import experiment, rows


class Screen(io.StringIO):
    """Standard error, of a terminal or not."""

    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


def show(monkeypatch: pytest.MonkeyPatch, seeds: list[int], terminal: bool = True) -> str:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERM", "xterm")
    # Patched here and not in a fixture, since pytest sets it anew before it calls a test.
    monkeypatch.setattr(sys, "stderr", screen := Screen(terminal))
    cases = [
        Case(experiment(rounds=6, evaluate_every=2, nodes=3, seed=seed), rows()) for seed in seeds
    ]
    with Processes() as processes, Live(cases) as live:
        run_all(cases, processes, 1, live.show)
    return screen.getvalue()


def test_metrics_beside_the_bar(monkeypatch):
    shown = show(monkeypatch, [3])
    scores = r"validation [\d.]+%, worst [\d.]+%, \d+ kB a node, spread [\d.e-]+"
    assert re.search(rf"seed 3 .*{scores}, \d+ node-rounds/s", shown)
    assert "1 runs" not in shown


def test_several_runs_have_a_line_for_all(monkeypatch):
    shown = show(monkeypatch, [3, 4])
    assert re.search(r"2 runs .*\d+ node-rounds/s", shown)
    assert "seed 4" in shown


def test_nothing_is_shown_where_nobody_looks(monkeypatch):
    assert show(monkeypatch, [3], terminal=False) == ""
