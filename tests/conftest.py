"""Shared by all tests: no Hypothesis deadline, since first calls compile; a seeded scheduler."""

import os

import pytest
import trio
from hypothesis import settings

settings.register_profile("default", deadline=None)
settings.load_profile("default")


@pytest.fixture(autouse=True)
def seeded_schedule() -> None:
    """One schedule per test, the same in every run (GOSSIPFL_TEST_SEED picks another)."""
    trio._core._run._r.seed(int(os.environ.get("GOSSIPFL_TEST_SEED", "0")))
