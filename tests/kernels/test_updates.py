"""Updates of whole vectors equal their twins, to the bit but for a sum."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.kernels import updates_ref
from gossipfl.kernels.doors import updates


def vectors(seed, size):
    return np.random.default_rng(seed).normal(size=(3, size)).astype(np.float32)


@given(st.integers(0, 2**32 - 1), st.integers(1, 300))
def test_difference_equals_the_reference(seed, size):
    first, second, _ = vectors(seed, size)
    fast, slow = np.empty((2, size), np.float32)
    lengths = [
        updates.difference(first, second, fast),
        updates_ref.difference(first, second, slow),
    ]
    assert fast.tobytes() == slow.tobytes()
    assert lengths[0] == pytest.approx(lengths[1], rel=1e-5)


@given(st.integers(0, 2**32 - 1), st.integers(1, 300), st.floats(0, 1))
def test_steps_equal_the_reference(seed, size, share):
    for name, arguments in (("advance", ()), ("approach", (share,))):
        found = []
        for twin in (updates, updates_ref):
            target, *others = vectors(seed, size)
            getattr(twin, name)(target, *others[: 2 - len(arguments)], *arguments)
            found.append(target.tobytes())
        assert found[0] == found[1]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_lengths_of_what_is_not_finite_are_not_finite(bad):
    first, second, out = vectors(0, 40)
    first[17] = bad
    for twin in (updates, updates_ref):
        assert not np.isfinite(twin.difference(first, second, out))
