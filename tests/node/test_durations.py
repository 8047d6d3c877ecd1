"""Durations: the newest so many, and their percentiles."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.node.durations import Durations


@given(st.lists(st.floats(0, 100), max_size=30), st.integers(1, 20))
def test_statistics_are_of_the_newest(seconds: list[float], most: int) -> None:
    durations = Durations(most)
    for each in seconds:
        durations.note(each)
    newest = 1000 * np.array(seconds[-most:])
    found = durations.statistics()
    assert found["samples"] == len(newest)
    if seconds:
        assert found["max_ms"] == round(float(newest.max()), 3)
        assert found["p50_ms"] == round(float(np.median(newest)), 3)
        assert found["p50_ms"] <= found["p99_ms"] <= found["p999_ms"] <= found["max_ms"]
