"""Shared by all tests: the same examples and one schedule in every run.

Hypothesis has no deadline, since first calls compile.  `scripts/soak` looks for new examples.
"""

import os

import pytest
import trio
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

settings.register_profile("same", deadline=None, derandomize=True)
settings.register_profile("new", deadline=None, max_examples=1000)
settings.load_profile("same")


@pytest.fixture(autouse=True)
def seeded_schedule() -> None:
    """One schedule per test, the same in every run (GOSSIPFL_TEST_SEED picks another)."""
    trio._core._run._r.seed(int(os.environ.get("GOSSIPFL_TEST_SEED", "0")))


class ByFolder(LoadScopeScheduling):
    """How workers share tests out: by file, and these folders whole.

    Real processes of two tests at once would wait for each other, and firmware is built once.
    """

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return next((f for f in ("loopback", "firmware") if f"/{f}/" in path), path)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByFolder:
    """Asked where tests run on several workers."""
    return ByFolder(config, log)
