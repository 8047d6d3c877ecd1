"""The model of a file, of a running node, and of a node that has stopped."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from gossipfl.data.dataset import Dataset
from gossipfl.data.pipeline import own_scale
from gossipfl.data.schema import Schema
from gossipfl.data.statistics import moments_of
from gossipfl.errors import ConfigError, StateError
from gossipfl.learning.best import BestModel
from gossipfl.manifest import Manifest
from gossipfl.node.device import take_join_file
from gossipfl.node.models.source import find_model, write_model_file
from gossipfl.node.operator import Operator
from gossipfl.node.state.home import Home, write_private
from gossipfl.node.state.store import ModelCheckpoint, Store, read_model
from gossipfl.node.status import encode_vector
from gossipfl.trained import TrainedModel

SCHEMA = Schema(columns=("a", "b"), target="y", classes=("no", "yes"))
MANIFEST = Manifest(cluster="home", schema=SCHEMA, layers=())
AVERAGE = np.arange(MANIFEST.model().parameters, dtype=np.float32)
READINGS = Dataset(
    features=np.random.default_rng(0).normal(5, 3, (30, 2)).astype(np.float32),
    targets=np.arange(30) % 2,
    columns=("a", "b"),
    source="test",
)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The directory of a node that was admitted and never ran."""
    operator = Operator.create(tmp_path / "operator", MANIFEST)
    home, join_file = tmp_path / "node", tmp_path / "pi.join"
    key = Home(home).device_key().public
    write_private(join_file, operator.admit("pi", key, ("peer",)))
    take_join_file(home, join_file)
    return home


def stored(state: Path, manifest_id: bytes = MANIFEST.id, *, judged: bool = True) -> None:
    moments = moments_of(READINGS, bytes(8), "feature")
    assert moments is not None
    vectors = np.stack([AVERAGE + 1, AVERAGE * 0, AVERAGE])
    store = Store(state / "state.db", manifest_id)
    best = BestModel(parameters=AVERAGE + 7, loss=0.5, round=4, inputs=b"")
    parts = (vectors, 7, 0.1, 1.0, b"", b"", (moments.encode(),))
    store.write([ModelCheckpoint(3, *parts, best=best if judged else None)])
    store.close()


@contextmanager
def answering(state: Path, answer: dict[str, object]) -> Iterator[None]:
    """Something at the status socket that gives one answer."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(state / "status.sock"))
        listening.listen()

        def serve() -> None:
            with listening.accept()[0] as asked:
                assert json.loads(asked.recv(1000)) == {"get": "model"}
                asked.sendall(json.dumps(answer).encode() + b"\n")

        thread = threading.Thread(target=serve)
        thread.start()
        yield
        thread.join()


def test_a_file_goes_before_everything(state, tmp_path):
    stored(state)
    scale = own_scale("feature", READINGS)
    write_model_file(tmp_path / "m", TrainedModel(MANIFEST, AVERAGE + 9, scale))
    np.testing.assert_array_equal(find_model(tmp_path / "m", state).parameters, AVERAGE + 9)


def test_a_running_node_is_asked(state):
    stored(state)
    mean, inverse = np.array([[1, 2], [3, 4]], np.float32)
    answer = {
        "average": encode_vector(AVERAGE + 5),
        "best": encode_vector(AVERAGE + 6),
        "mean": encode_vector(mean),
        "inverse_deviation": encode_vector(inverse),
    }
    with answering(state, answer):
        best = find_model(None, state, best=True)
    np.testing.assert_array_equal(best.parameters, AVERAGE + 6)
    (state / "status.sock").unlink()
    with answering(state, answer):
        found = find_model(None, state)
    np.testing.assert_array_equal(found.parameters, AVERAGE + 5)
    assert found.scale is not None
    np.testing.assert_array_equal(found.scale.mean, mean)
    np.testing.assert_array_equal(found.scale.inverse_deviation, inverse)


def test_the_best_model_outlives_the_node(state):
    stored(state)
    np.testing.assert_array_equal(find_model(None, state, best=True).parameters, AVERAGE + 7)
    np.testing.assert_array_equal(find_model(None, state).parameters, AVERAGE)


def test_there_may_be_no_best_model(state, tmp_path):
    stored(state, judged=False)
    with pytest.raises(StateError, match="judged no model"):
        find_model(None, state, best=True)
    with (
        answering(state, {"average": "", "best": None, "mean": None}),
        pytest.raises(StateError, match="judged no model"),
    ):
        find_model(None, state, best=True)
    with pytest.raises(ConfigError, match="holds one model"):
        find_model(tmp_path / "m", state, best=True)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"error": "ask one of: status"}, "of another version: restart it"),
        ({"average": None, "mean": None}, "of another version: restart it"),
        ({"average": "!", "mean": None}, "of another version: restart it"),
        ({"average": "AAAA", "mean": None}, "of another version: restart it"),
        ({"average": "AAAAAA==", "mean": None}, "parameters do not suit its manifest"),
    ],
)
def test_a_strange_answer_is_not_believed(state, answer, said):
    with answering(state, answer), pytest.raises(StateError, match=said):
        find_model(None, state)


def test_a_stopped_node_left_its_averaged_model_and_statistics(state):
    stored(state)
    found = find_model(None, state)
    np.testing.assert_array_equal(found.parameters, AVERAGE)
    expected = own_scale("feature", READINGS)
    assert found.scale is not None
    assert expected is not None
    np.testing.assert_array_equal(found.scale.mean, expected.mean)
    np.testing.assert_array_equal(found.scale.inverse_deviation, expected.inverse_deviation)


def test_looking_changes_nothing(state):
    stored(state)
    before = (state / "state.db").read_bytes()
    find_model(None, state)
    assert (state / "state.db").read_bytes() == before


def test_a_node_that_never_trained_has_no_model(state):
    with pytest.raises(StateError, match="learnt nothing yet: start it"):
        find_model(None, state)
    Store(state / "state.db", MANIFEST.id).close()
    with pytest.raises(StateError, match="learnt nothing yet: start it"):
        find_model(None, state)
    assert read_model(state / "state.db", MANIFEST.id) is None


def test_another_manifests_store_is_refused(state):
    stored(state, b"x" * 16)
    with pytest.raises(StateError, match="another manifest"):
        find_model(None, state)


def test_a_damaged_store_is_left_to_the_node(state):
    stored(state)
    content = bytearray((state / "state.db").read_bytes())
    content[100:] = bytes(len(content) - 100)
    (state / "state.db").write_bytes(content)
    with pytest.raises(StateError, match="start the node, which mends it, or give --model"):
        find_model(None, state)


def test_nothing_is_made_where_no_node_was(tmp_path):
    with pytest.raises(StateError, match=r"ever admitted in .*give --state, or --model"):
        find_model(None, tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_file_that_is_none_is_named(tmp_path, state):
    (tmp_path / "m").write_bytes(b"junk")
    for name, said in (("m", "m: not a model file"), ("none", "cannot read .*none")):
        with pytest.raises(StateError, match=said):
            find_model(tmp_path / name, state)
