"""What a ClientApp is sent, and what becomes of its replies."""

import numpy as np
import pytest

from gossipfl.adapters.arrays import Layout, describe
from gossipfl.adapters.surroundings import NodeContext
from gossipfl.errors import ConfigError, TrainingFailed

CONTEXT = NodeContext(7, {"partition-id": 3}, {"lr": 0.5})
ARRAYS = {"w": np.ones((2, 3), "f4"), "b": np.zeros(2, "f8")}
LAYOUT = Layout(describe(ARRAYS))


def arrays() -> list:
    return LAYOUT.join(LAYOUT.initial(0), [])


def model(app, layout=LAYOUT):
    from gossipfl.adapters.flower import FlowerModel

    return FlowerModel(app, layout, CONTEXT)


@pytest.fixture
def replying(flwr):
    """An app that answers every train message with what `reply` makes of it."""
    from flwr.clientapp import ClientApp

    def make(reply):
        app = ClientApp()
        app.train()(reply)
        return app

    return make


def content(arrays, **metrics):
    from flwr.app import ArrayRecord, MetricRecord, RecordDict

    return RecordDict({"out": ArrayRecord(arrays), "numbers": MetricRecord(metrics)})


def test_messages_hold_arrays_settings_and_the_round(replying):
    from flwr.app import Message

    seen = []

    def train(message, context):
        seen.append((message, context))
        record = dict(message.content["arrays"])
        return Message(content(record, **{"num-examples": 4}), reply_to=message)

    app = model(replying(train))
    app.train(arrays())
    trained = app.train(arrays())
    assert trained.samples == 4
    assert np.isnan(trained.loss)
    for given, array in zip(arrays(), trained.arrays, strict=True):
        np.testing.assert_array_equal(given, array)
        assert given.dtype == array.dtype
    (first, context), (second, again) = seen
    assert dict(first.content["config"]) == {"lr": 0.5, "server-round": 1}
    assert second.content["config"]["server-round"] == 2
    assert context is again  # whose state the app may keep things in
    assert (context.node_id, context.node_config) == (7, {"partition-id": 3})
    assert context.run_config == {"lr": 0.5}


def test_an_app_without_evaluation_judges_nothing(replying):
    app = model(replying(lambda message, context: None))
    assert app.evaluate(arrays()).samples == 0


def test_replies_that_cannot_be_used_are_one_line(replying):
    from flwr.app import Array, ArrayRecord, Error, Message, RecordDict

    def answer(body):
        return model(replying(lambda message, _: Message(body, reply_to=message)))

    w, b = (Array(array) for array in ARRAYS.values())
    cases = [
        (Error(code=5, reason="no data"), "an error: no data"),
        (RecordDict(), "0 array records"),
        (content({"w": w, "c": b}, **{"num-examples": 1}), "other arrays than agreed: b, c"),
        (content({"w": w, "b": b}), "not a number of rows"),
        (content({"w": w, "b": b}, **{"num-examples": 1.5}), "not a number of rows"),
        (RecordDict({"a": ArrayRecord(), "b": ArrayRecord()}), "2 array records"),
    ]
    for body, said in cases:
        with pytest.raises(TrainingFailed, match=said):
            answer(body).train(arrays())


def test_only_client_apps_are_taken(flwr):
    with pytest.raises(ConfigError, match="names a dict, not a flwr ClientApp"):
        model({})


def test_an_app_with_a_client_fn(flwr):
    from flwr.client import NumPyClient
    from flwr.clientapp import ClientApp

    from gossipfl.adapters.flower import initial_arrays

    class Client(NumPyClient):
        def get_parameters(self, config):
            return list(ARRAYS.values())

        def fit(self, parameters, config):
            assert config == {"lr": 0.5, "server_round": 1}
            return [array + 1 for array in parameters], 9, {"loss": 0.25}

        def evaluate(self, parameters, config):
            return 0.5, 3, {"accuracy": 0.75}

    app = ClientApp(client_fn=lambda context: Client().to_client())
    start = initial_arrays(app, CONTEXT)
    assert [array.dtype.name for array in start.values()] == ["float32", "float64"]
    adapter = model(app, Layout(describe(start)))
    trained = adapter.train(list(start.values()))
    assert (trained.samples, trained.loss) == (9, 0.25)
    np.testing.assert_array_equal(trained.arrays[0], ARRAYS["w"] + 1)
    judged = adapter.evaluate(list(start.values()))
    assert (judged.loss, judged.accuracy, judged.samples) == (0.5, 0.75, 3)
