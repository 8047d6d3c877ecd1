"""The examples as a user's own modules: found in the current directory."""

import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

EXAMPLES: Final = Path(__file__).parent / "examples"


@pytest.fixture
def examples(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """In their directory; modules that are imported from it are forgotten afterwards."""
    monkeypatch.chdir(EXAMPLES)
    monkeypatch.setattr(sys, "path", list(sys.path))
    known = set(sys.modules)
    yield EXAMPLES
    for name in set(sys.modules) - known:
        if str(EXAMPLES) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.fixture
def flwr() -> None:
    """Skips without Flower, whose own dependencies warn when it is imported."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("flwr")
        import flwr.clientapp  # noqa: F401
