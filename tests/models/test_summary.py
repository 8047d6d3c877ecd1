"""What a model costs, layer by layer."""

from gossipfl.models.layers import GRU, Dense, ReLU
from gossipfl.models.sequential import Sequential
from gossipfl.models.summary import summarise, total

MODEL = Sequential(GRU(4), ReLU(), Dense(3), shape=(5, 2), loss="cross-entropy")


def test_every_layer_has_a_line_in_its_own_words():
    lines = summarise(MODEL, batch=10)
    assert [line.name for line in lines] == ["GRU1", "ReLU", "Dense2"]
    assert [line.shape for line in lines] == [(4,), (4,), (3,)]
    assert [line.parameters for line in lines] == [96, 0, 15]
    assert lines[2].bytes == 60


def test_steps_cost_the_gradients_as_well():
    first, _, last = summarise(MODEL, batch=10)
    assert first.forward == 3 * 5 * 4 * (2 + 4)
    assert first.step == 2 * 10 * first.forward
    assert (last.forward, last.step) == (12, 3 * 10 * 12)


def test_the_total_is_the_model():
    whole = total(summarise(MODEL, batch=1))
    assert whole.parameters == MODEL.parameters
    assert whole.forward == sum(bound.operations for bound in MODEL.bound)
