"""The counter-based generator against the vectors that its authors publish with Random123."""

import numpy as np
import pytest

from gossipfl.kernels import philox, philox_ref

VECTORS = [
    ([0] * 4, [0] * 2, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    (
        [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
        [0xA4093822, 0x299F31D0],
        "d16cfe09 94fdcceb 5001e420 24126ea1",
    ),
]


@pytest.mark.parametrize(("counter", "key", "expected"), VECTORS)
def test_published_vectors(counter, key, expected):
    wanted = [int(word, 16) for word in expected.split()]
    assert philox_ref.words(np.array([counter], np.uint64), key).tolist() == [wanted]
    numbers = tuple(map(np.uint64, counter)), tuple(map(np.uint64, key))
    assert [int(word) for word in philox.words(*numbers)] == wanted
