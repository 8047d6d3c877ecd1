"""What is held back stays held back, whatever comes in whatever order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.data.dataset import Dataset
from gossipfl.data.readings import Readings
from gossipfl.errors import DataError

KEY = b"a device's public key"


def file(number: int, rows: int) -> Dataset:
    places = (1_000 * number + np.arange(rows, dtype=np.float32)).reshape(-1, 1)
    targets = np.arange(rows) % 2
    return Dataset(features=places, targets=targets, columns=("place",), source="here")


def places(part: Dataset | None) -> set[float]:
    return set() if part is None else set(part.features[:, 0].tolist())


FILES = st.lists(st.integers(1, 60), min_size=1, max_size=6)


@given(FILES, st.integers(1, 40), st.floats(0, 0.9), st.randoms(use_true_random=False))
def test_no_row_migrates(sizes, rows_max, validation, random):
    held, trained = set(), set()
    for _ in range(3):  # a start and two restarts, with the files in other orders
        readings, order = Readings(validation, rows_max, KEY), list(enumerate(sizes))
        random.shuffle(order)
        for number, rows in order:
            readings.add(file(number, rows), f"file-{number}.csv")
            if len(order) > 1 or rows > 1:
                held |= places(readings.held_back)
            trained |= places(readings.train)
            assert 1 <= len(readings.train) <= rows_max
            if readings.held_back is not None:
                assert len(readings.held_back) <= rows_max * 2 * validation + 1
        assert readings.seen == sum(sizes)
    # The very first row of a node is for training, even if its file alone would hold it back.
    assert len(held & trained) <= 2 * sum(rows == 1 for rows in sizes)


def test_about_the_share_is_held_back_of_a_stream_of_single_rows():
    readings = Readings(0.2, 10_000, KEY)
    for number in range(1_000):
        readings.add(file(number, 1), f"{number}.csv")
    assert readings.held_back is not None
    assert len(readings.held_back) == pytest.approx(200, abs=65)
    assert len(readings.train) + len(readings.held_back) == 1_000
    assert not places(readings.train) & places(readings.held_back)


def test_two_devices_hold_back_different_rows():
    one, two = (Readings(0.3, 1_000, key) for key in (b"one", b"two"))
    for readings in (one, two):
        readings.add(file(0, 400), "same.csv")
    assert places(one.held_back) != places(two.held_back)


def test_nothing_to_train_on():
    with pytest.raises(DataError, match="at least one example"):
        Readings(0.1, 10, KEY).train  # noqa: B018
