"""Which layers are private, and what names them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.errors import ConfigError
from gossipfl.models.layers import GRU, Dense, LayerNorm, ReLU
from gossipfl.models.personalisation import Personalisation, split
from gossipfl.models.sequential import Sequential

MODEL = Sequential(
    GRU(4), LayerNorm(), Dense(5), ReLU(), LayerNorm(), Dense(2), shape=(3, 2), loss="cross-entropy"
)
LEARNING = ["GRU1", "LayerNorm2", "Dense3", "LayerNorm4", "Dense5"]


@pytest.mark.parametrize(
    ("private", "names"),
    [
        ((), []),
        (("head",), ["Dense5"]),
        (("norm",), ["LayerNorm2", "LayerNorm4"]),
        (("LayerNorm",), ["LayerNorm2", "LayerNorm4"]),
        (("Dense",), ["Dense3", "Dense5"]),
        (("Dense3",), ["Dense3"]),
        (("head", "GRU1", "Dense5"), ["GRU1", "Dense5"]),
    ],
)
def test_layers_are_private_by_role_kind_or_name(private, names):
    assert split(MODEL, private).names == tuple(names)


@given(st.sets(st.sampled_from(LEARNING), max_size=4))
def test_both_parts_make_the_vector_again(private):
    parts, whole = split(MODEL, private), MODEL.initial(1)
    assert parts.size == len(parts.shared)
    again = parts.join(whole[parts.shared], whole[parts.private])
    np.testing.assert_array_equal(again, whole)
    named = dict(zip(LEARNING, (1, 2, 3, 4, 5), strict=True))
    numbers = {str(named[name]) for name in private}
    hidden = [range(a, b) for name, a, b in MODEL.tensors if name[-1] in numbers]
    assert parts.private.tolist() == [place for places in hidden for place in places]


@given(st.sets(st.sampled_from(LEARNING), max_size=4))
def test_ranges_cover_the_shared_part_tensor_by_tensor(private):
    parts = split(MODEL, private)
    starts = [start for start, _ in parts.ranges]
    assert starts == [0, *(stop for _, stop in parts.ranges[:-1])]
    assert parts.ranges[-1][1] == parts.size
    tensors = [(a, b) for _, a, b in MODEL.tensors]
    wholes = [(parts.shared[a], parts.shared[b - 1] + 1) for a, b in parts.ranges]
    assert set(wholes) <= set(tensors)


@pytest.mark.parametrize(
    ("private", "said"),
    [
        (("haed",), "no layer 'haed' learns; did you mean 'head'?"),
        (("ReLU",), "no layer 'ReLU' learns"),
        (("Dense2",), "no layer 'Dense2' learns; did you mean 'Dense"),
        (("GRU", "norm", "Dense"), "leave some to learn together"),
    ],
)
def test_other_names_are_refused(private, said):
    with pytest.raises(ConfigError, match=said):
        split(MODEL, private)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"private_steps": 3}, "say which are private"),
        ({"fine_tune": -1}, "fine_tune is a whole number 0 to"),
        ({"fine_tune": 1.0}, "fine_tune is a whole number 0 to"),
        ({"private": ["head"], "private_steps": 10**6}, "private_steps is a whole number 0 to"),
    ],
)
def test_settings_outside_their_range_are_refused(changes, said):
    with pytest.raises(ConfigError, match=said):
        Personalisation(**changes)
