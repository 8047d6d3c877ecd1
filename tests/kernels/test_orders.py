"""An order is a function of seed and epoch, the same whatever computes it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.kernels import orders_ref
from gossipfl.kernels.doors import orders

pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered")  # modulo 2**64


def draw(twin, seed, first, shape, buckets):
    out, keys = np.empty(shape, np.uint64), np.empty(shape[1], np.uint64)
    starts = np.empty(buckets, np.int64)
    twin.draw_orders(np.uint64(seed), np.uint64(first), keys, starts, out)
    return out


@given(
    st.integers(0, 2**63 - 1),
    st.integers(0, 2**40),
    st.tuples(st.integers(1, 3), st.integers(1, 200)),
    st.integers(1, 9),
)
def test_kernel_equals_reference(seed, first, shape, bits):
    found = draw(orders, seed, first, shape, 2**bits)
    assert (found == draw(orders_ref, seed, first, shape, 2**bits)).all()
    assert (np.sort(found, axis=1) == np.arange(shape[1])).all()


def test_epochs_drawn_together_are_those_drawn_alone():
    together = draw(orders, 5, 100, (4, 50), 64)
    alone = [draw(orders, 5, 100 + epoch, (1, 50), 64)[0] for epoch in range(4)]
    assert (together == alone).all()


def test_every_row_comes_at_every_place():
    """Chi-squared of 16 x 16 counts: 225 degrees of freedom, 99.99 % lie below 315."""
    found = draw(orders_ref, 1, 0, (8_000, 16), 16)
    counts = np.array(
        [np.bincount(found[:, place].astype(int), minlength=16) for place in range(16)]
    )
    assert ((counts - 500.0) ** 2 / 500).sum() < 315
