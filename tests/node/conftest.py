"""The command line as people use it."""

import sys
from collections.abc import Callable

import pytest

from gossipfl.node.cli import main as cli


@pytest.fixture
def run(tmp_path, monkeypatch, capsys) -> Callable[..., tuple[int, str, str]]:
    """Run `gossipfl ...` in a home directory of its own: (exit status, output, errors)."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    def run_command(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["gossipfl", *arguments])
        status = 0
        try:
            cli.main()
        except SystemExit as ended:
            status = int(ended.code or 0)
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run_command


@pytest.fixture
def ok(run) -> Callable[..., str]:
    def run_well(*arguments: str) -> str:
        status, out, errors = run(*arguments)
        assert (status, errors) == (0, "")
        return out

    return run_well


@pytest.fixture
def refused(run) -> Callable[..., str]:
    def run_badly(*arguments: str) -> str:
        status, _, errors = run(*arguments)
        assert status == 2
        line, end = errors[:-1], errors[-1:]
        assert end == "\n"
        assert "\n" not in line
        assert line.startswith("gossipfl: ")
        return line.removeprefix("gossipfl: ")

    return run_badly
