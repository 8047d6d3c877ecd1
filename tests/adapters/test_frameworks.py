"""Every framework's example, unmodified, as the learner of a node."""

import numpy as np
import pytest

from gossipfl.adapters.frameworks import find_arrays, make_learner
from gossipfl.adapters.surroundings import NodeContext
from gossipfl.errors import ConfigError, TrainingFailed
from gossipfl.foreign import ForeignManifest

CONTEXT = NodeContext(7, {"partition-id": 0, "num-partitions": 2}, {"lr": 0.1})


def learn(framework: str, source: str, *, arrays: str | None = None, fits: int = 12):
    """The learner after some rounds alone, and where it ended."""
    found = find_arrays(framework, source, arrays, CONTEXT)
    manifest = ForeignManifest(cluster="lab", framework=framework, arrays=found)
    learner, parameters = make_learner(manifest, source, CONTEXT), manifest.initial()
    zeros = np.zeros_like(parameters)
    for _ in range(fits):
        parameters = learner.fit(parameters, zeros).parameters
    return manifest, learner, parameters


def assert_learns(learner, before, after) -> None:
    """It knows the half of all classes that it has seen."""
    start, end = learner.evaluate(before), learner.evaluate(after)
    assert learner.samples == 300
    assert end.samples == 300
    assert end.accuracy > 0.35
    assert end.accuracy > start.accuracy + 0.15


def test_a_numpy_client(examples):
    manifest, learner, parameters = learn("numpy-client", "numpy_app:client_fn")
    assert manifest.parameters == 170
    assert_learns(learner, manifest.initial(), parameters)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("numpy_app:CLASSES", "names a int"),
        ("numpy_app:softmax", "softmax failed"),
        ("numpy_app:Client", "Client failed: TypeError"),
        ("clouds:partition", "partition failed"),
    ],
)
def test_what_is_no_client_is_refused(examples, source, said):
    with pytest.raises(ConfigError, match=said):
        find_arrays("numpy-client", source, None, CONTEXT)


def test_an_app_of_another_shape_is_refused_at_the_start(examples):
    arrays = find_arrays("numpy-client", "numpy_app:client_fn", None, CONTEXT)[:1]
    manifest = ForeignManifest(cluster="lab", framework="numpy-client", arrays=arrays)
    with pytest.raises(TrainingFailed, match="training failed: ValueError"):
        make_learner(manifest, "numpy_app:client_fn", CONTEXT)


def test_a_scikit_learn_estimator(examples):
    pytest.importorskip("sklearn")
    manifest, learner, parameters = learn("sklearn", "sklearn_app:make")
    assert [spec.name for spec in manifest.arrays] == ["coef_", "intercept_"]
    assert not manifest.initial().any()
    assert_learns(learner, manifest.initial(), parameters)


def test_a_torch_module(examples):
    pytest.importorskip("torch")
    manifest, learner, parameters = learn("torch", "torch_app:make")
    assert manifest.parameters == 938
    assert_learns(learner, manifest.initial(), parameters)


def test_a_flower_app(examples, flwr):
    pytest.importorskip("torch")
    manifest, learner, parameters = learn("flower", "flower_app:app", arrays="task:Net")
    local = [spec.name for spec in manifest.arrays if not spec.shared]
    assert [name.split(".")[1] for name in local] == [
        "running_mean",
        "running_var",
        "num_batches_tracked",
    ]
    assert_learns(learner, manifest.initial(), parameters)
    assert learner._local[2] == 12 * 10  # batches that this node has seen


def test_a_flower_app_does_not_say_what_it_trains(examples, flwr):
    pytest.importorskip("torch")
    with pytest.raises(ConfigError, match="--arrays"):
        find_arrays("flower", "flower_app:app", None, CONTEXT)
