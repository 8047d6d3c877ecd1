"""The trainer: learns, mutates nothing of the caller's, and resumes exactly."""

import threading

import attrs
import msgpack
import numpy as np
import pytest

from gossipfl.data.dataset import Dataset
from gossipfl.errors import ConfigError, DataError, LocalProtocolError, StateError
from gossipfl.kernels import layout, native
from gossipfl.learning import execution
from gossipfl.learning.learner import Learner
from gossipfl.learning.sampling import Sampler
from gossipfl.learning.training import (
    Trainer,
    TrainingDiverged,
    TrainingSettings,
    predict,
    warm,
)
from gossipfl.models.layers import Dense
from gossipfl.models.sequential import Sequential, perceptron

SPEC = Sequential(*perceptron((8,)), Dense(3), shape=(4,), loss="cross-entropy")
CLOCK = (0, 1)
VALUES = Sequential(Dense(2), shape=(4,), loss="squared-error")
OPTIMIZERS = [
    TrainingSettings(),
    TrainingSettings(momentum=0.9, learning_rate=0.02),
    TrainingSettings(momentum=0.9, nesterov=True, learning_rate=0.02, schedule="cosine:100"),
    TrainingSettings(optimizer="adam", learning_rate=0.01),
    TrainingSettings(optimizer="adamw", learning_rate=0.02, warmup_steps=20, clip_norm=1.0),
]


def blobs(rows=120, seed=0):
    """Three separable clouds."""
    rng = np.random.default_rng(seed)
    classes = np.arange(rows) % 3
    centres = np.array([[2, 0, 0, 0], [0, 2, 0, 0], [0, 0, 2, 0]])
    features = (centres[classes] + rng.normal(0, 0.3, (rows, 4))).astype(np.float32)
    return Dataset(features=features, targets=classes, columns=tuple("abcd"), source="blobs")


def plane(rows=100):
    features = np.random.default_rng(0).normal(size=(rows, 4)).astype(np.float32)
    targets = features[:, :2] * 2 + 1
    return Dataset(features=features, targets=targets, columns=tuple("abcd"), source="plane")


def trainer(settings=None, spec=SPEC, data=None, seed=5):
    data = data or blobs()
    return Trainer(spec, data, data, settings or TrainingSettings(), seed=seed)


def run(learner, parameters, fits):
    zeros = np.zeros_like(parameters)
    for _ in range(fits):
        parameters = learner.fit(parameters, zeros).parameters
    return parameters


@pytest.mark.parametrize("settings", OPTIMIZERS)
def test_learns_classes(settings):
    learner: Learner = trainer(settings)
    start = SPEC.initial(0)
    before = learner.evaluate(start)
    after = learner.evaluate(run(learner, start, 40))
    assert after.loss < before.loss / 2
    assert after.accuracy == pytest.approx(1.0, abs=0.02)
    assert (after.error, after.samples) == (None, 120)


def test_learns_values():
    learner = trainer(spec=VALUES, data=plane())
    found = run(learner, VALUES.initial(0), 60)
    after = learner.evaluate(found)
    assert after.error == pytest.approx(0, abs=0.05)
    assert after.accuracy is None
    assert after.loss == pytest.approx(after.error**2)
    np.testing.assert_allclose(learner.predict(found, plane().features), plane().targets, atol=0.2)


def test_learns_two_classes_with_one_logit():
    data = blobs()
    data = attrs.evolve(data, targets=(data.targets == 1).astype(np.int64))
    spec = Sequential(*perceptron((8,)), Dense(1), shape=(4,), loss="binary")
    learner = trainer(spec=spec, data=data)
    after = learner.evaluate(run(learner, spec.initial(0), 40))
    assert after.accuracy == pytest.approx(1.0, abs=0.02)
    with pytest.raises(DataError, match="fewer than here"):
        trainer(spec=spec)
    with pytest.raises(DataError, match="0 and 1"):
        trainer(spec=two_logits(), data=plane())


def two_logits():
    return Sequential(Dense(2), shape=(4,), loss="binary")


def test_learns_labels_that_are_not_exclusive():
    data = plane()
    data = attrs.evolve(data, targets=(data.targets > 1).astype(np.float32))
    learner = trainer(spec=two_logits(), data=data)
    after = learner.evaluate(run(learner, two_logits().initial(0), 60))
    assert after.accuracy > 0.95
    assert after.error is None


def test_huber_is_not_drawn_away_by_outliers():
    data = plane()
    data.targets[::10] += 30
    errors = {}
    for loss in ("huber", "squared-error"):
        spec = Sequential(Dense(2), shape=(4,), loss=loss)
        learner = trainer(TrainingSettings(learning_rate=0.05), spec=spec, data=data)
        found = learner.predict(run(learner, spec.initial(0), 200), data.features)
        errors[loss] = np.abs(found - plane().targets).mean()
    assert errors["huber"] < errors["squared-error"] / 4


def test_class_weights_lift_a_rare_class():
    """Two clouds that overlap, one with a tenth of the rows."""
    rng = np.random.default_rng(0)
    classes = (np.arange(400) % 10 == 0).astype(np.int64)
    features = (rng.normal(0, 1, (400, 4)) + classes[:, None]).astype(np.float32)
    data = Dataset(features=features, targets=classes, columns=tuple("abcd"), source="rare")
    spec = Sequential(Dense(2), shape=(4,), loss="cross-entropy")
    recall = {}
    for weights in ((), (1.0, 9.0)):
        learner = trainer(TrainingSettings(class_weights=weights), spec=spec, data=data)
        found = learner.predict(run(learner, spec.initial(0), 100), features)
        recall[weights] = (found.argmax(1)[classes == 1] == 1).mean()
        assert learner.samples == (144 if weights else 400)  # 360 rows at 0.2, 40 at 1.8
    assert recall[1.0, 9.0] > recall[()] + 0.2


@pytest.mark.parametrize("weights", [(1.0, 2.0), (1.0, 2.0, 3.0, 4.0)])
def test_class_weights_have_to_suit_the_model(weights):
    with pytest.raises(ConfigError, match="one for each of the 3 classes"):
        trainer(TrainingSettings(class_weights=weights))
    with pytest.raises(ConfigError, match="for the loss cross-entropy"):
        trainer(TrainingSettings(class_weights=weights), spec=VALUES, data=plane())


def test_no_validation_rows_weigh_nothing():
    learner = Trainer(SPEC, blobs(), None, TrainingSettings(), seed=0)
    found = learner.evaluate(SPEC.initial(0))
    assert (found.loss, found.accuracy, found.error, found.samples) == (0.0, None, None, 0)


def test_sizes():
    learner = trainer(TrainingSettings(learning_rate=0.2, local_steps=7))
    assert (learner.samples, learner.size) == (120, SPEC.parameters)
    assert learner.step_size == pytest.approx(1.4)


def test_fit_mutates_nothing():
    learner, start = trainer(), SPEC.initial(0)
    correction = np.ones_like(start)
    data = blobs()
    found = learner.fit(start, correction)
    np.testing.assert_array_equal(start, SPEC.initial(0))
    np.testing.assert_array_equal(correction, 1)
    np.testing.assert_array_equal(data.features, blobs().features)
    assert not np.shares_memory(found.parameters, start)
    assert found.steps == 5
    kept = found.parameters.copy()
    learner.fit(start, correction)
    np.testing.assert_array_equal(found.parameters, kept)


@pytest.mark.parametrize("settings", OPTIMIZERS)
def test_a_correction_is_added_outside_the_optimizer(settings):
    """With one step, the correction moves the result by exactly learning rate times itself."""
    settings = attrs.evolve(settings, local_steps=1)
    start = SPEC.initial(0)
    correction = np.random.default_rng(0).normal(size=start.size).astype(np.float32)
    plain, moved = trainer(settings), trainer(settings)
    without = plain.fit(start, np.zeros_like(start)).parameters
    with_it = moved.fit(start, correction).parameters
    np.testing.assert_allclose(with_it - without, plain.step_size * correction, atol=1e-6)
    assert plain.snapshot() == moved.snapshot()


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_weight_decay_shrinks(optimizer):
    settings = TrainingSettings(optimizer=optimizer, weight_decay=0.5, local_steps=1)
    start = SPEC.initial(0)
    plain = trainer(attrs.evolve(settings, weight_decay=0.0)).fit(start, start * 0).parameters
    decayed = trainer(settings).fit(start, start * 0).parameters
    np.testing.assert_allclose(plain - decayed, 0.05 * start, atol=1e-6)


@pytest.mark.parametrize("settings", OPTIMIZERS)
def test_divergence_is_an_error_and_changes_nothing(settings):
    learner = trainer(settings)
    start = run(learner, SPEC.initial(0), 2)
    before = learner.snapshot()
    with (
        np.errstate(all="ignore"),
        pytest.raises(TrainingDiverged, match="learning_rate"),
    ):
        learner.fit(start * np.float32(1e38), np.zeros_like(start))
    assert learner.snapshot() == before
    again = trainer(settings)
    twin = run(again, SPEC.initial(0), 2)
    np.testing.assert_array_equal(run(learner, start, 2), run(again, twin, 2))


@pytest.mark.parametrize("settings", OPTIMIZERS)
def test_a_restored_trainer_continues_exactly(settings):
    whole, halves = trainer(settings), trainer(settings)
    start = SPEC.initial(0)
    middle = run(halves, start, 7)
    fresh = trainer(settings, seed=99)
    fresh.restore(halves.snapshot())
    np.testing.assert_array_equal(run(fresh, middle, 9), run(whole, start, 16))
    assert fresh.snapshot() == whole.snapshot()


def test_a_snapshot_survives_new_rows():
    learner = trainer()
    start = run(learner, SPEC.initial(0), 3)
    grown = trainer(data=blobs(130))
    grown.restore(learner.snapshot())
    assert np.isfinite(run(grown, start, 3)).all()


def damaged_snapshots():
    good = trainer(TrainingSettings(momentum=0.9)).snapshot()
    version, name, numbers, raw = msgpack.unpackb(good)
    nan = np.full(SPEC.parameters, np.nan, "<f4").tobytes()
    lists = [
        [version + 1, name, numbers, raw],
        [version, "adam", numbers, raw],
        [version, name, numbers[:-1], raw],
        [version, name, None, raw],
        [version, name, numbers, raw[:-4]],
        [version, name, numbers, raw.hex()],
        [version, name, numbers, nan],
        [version, name, [-1, *numbers[1:]], raw],
        [version, name, [1.5, *numbers[1:]], raw],
        [version, name, [True, *numbers[1:]], raw],
        [version, name, [0, 0, 0, 500, 120], raw],
        [version, name],
    ]
    packed = [msgpack.packb(item) for item in lists]
    return [*packed, b"", b"\xc1", good[:-1], good + b"\0", bytes(10**6), b"\xdb\xff\xff\xff\xff"]


@pytest.mark.parametrize("snapshot", damaged_snapshots())
def test_damaged_snapshots_are_refused_and_change_nothing(snapshot):
    learner = trainer(TrainingSettings(momentum=0.9))
    run(learner, SPEC.initial(0), 1)
    before = learner.snapshot()
    with pytest.raises(StateError):
        learner.restore(snapshot)
    assert learner.snapshot() == before


def test_every_row_is_seen_once_an_epoch():
    sampler = Sampler(10, seed=1)
    seen = [sampler.draw(place, (2, 5)).ravel() for place in range(0, 60, 10)]
    assert all(sorted(epoch) == list(range(10)) for epoch in seen)
    assert len({epoch.tobytes() for epoch in seen}) == 6
    wide = sampler.draw(60, (3, 9))
    assert np.bincount(wide.ravel()).tolist().count(3) == 7


@pytest.mark.parametrize("rows", [3, 36, 700, 1500])
def test_rows_follow_from_seed_and_place_alone(rows):
    known = Sampler(rows, seed=5)
    everything = known.draw(0, (1, 4 * rows + 3000)).ravel()
    for place in (3 * rows + 2900, 0, 1, rows - 1, 1023, 1024, 2 * rows, 1020):
        for sampler in (known, Sampler(rows, seed=5)):
            found = sampler.draw(place, (10, 7)).ravel()
            np.testing.assert_array_equal(found, everything[place : place + 70])


def test_a_batch_is_never_wider_than_the_data():
    learner = trainer(data=blobs(3))
    assert np.isfinite(run(learner, SPEC.initial(0), 2)).all()


def test_fit_runs_beside_the_event_loop():
    """Two trainers in two threads agree with one after the other."""
    settings = TrainingSettings(local_steps=50)
    found = {}

    def work(seed):
        found[seed] = run(trainer(settings, seed=seed), SPEC.initial(0), 10)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed in (1, 2):
        expected = run(trainer(settings, seed=seed), SPEC.initial(0), 10)
        np.testing.assert_array_equal(found[seed], expected)


def bad_vectors():
    good = SPEC.initial(0)
    return [good[:-1], good.astype(np.float64), np.repeat(good, 2)[::2], good.reshape(1, -1), [0.0]]


@pytest.mark.parametrize("bad", bad_vectors())
def test_bad_vectors_never_reach_a_kernel(bad):
    good = SPEC.initial(0)
    learner = trainer()
    with pytest.raises(LocalProtocolError):
        learner.fit(bad, good)
    with pytest.raises(LocalProtocolError):
        learner.fit(good, bad)
    with pytest.raises(LocalProtocolError):
        learner.evaluate(bad)


@pytest.mark.parametrize("rows", [0, 1, 63, 64, 65, 200])
def test_rows_are_predicted_one_by_one_or_many_at_a_time(rows):
    features = np.random.default_rng(0).normal(size=(rows, 4)).astype(np.float32)
    found = predict(SPEC, SPEC.initial(0), features)
    assert found.shape == (rows, 3)
    for i in range(0, rows, 31):
        alone = predict(SPEC, SPEC.initial(0), features[i : i + 1])
        np.testing.assert_allclose(found[i : i + 1], alone, rtol=1e-5, atol=1e-6)


def test_bad_features_never_reach_a_kernel():
    good = blobs().features
    for bad in (good[:, :3], good.astype(np.float64), np.asfortranarray(good), good[0]):
        with pytest.raises(LocalProtocolError):
            predict(SPEC, SPEC.initial(0), bad)


def test_bad_batches_and_settings_never_reach_a_kernel():
    plan = SPEC.plan(2)
    memory = execution.take_memory(plan)
    data = (np.zeros((5, 4), np.float32), np.zeros((5, 1), np.float32))
    settings, course = TrainingSettings().encode(0, 1), execution.Course(plan, layout.SGD, data)
    good, start = np.zeros((1, 2), np.int64), SPEC.initial(0)
    given = start, start, start, np.zeros((1, start.size), np.float32)
    for batches in (good + 5, good - 1, good[:0], good.astype(np.int32), good[:, :1]):
        with pytest.raises(LocalProtocolError):
            course.train(settings, CLOCK, given, memory, batches)
    for bad in (settings - 7, settings * np.nan, settings + layout.WHOLE, settings[0]):
        with pytest.raises(LocalProtocolError):
            course.train(bad, CLOCK, given, memory, good)
    with pytest.raises(LocalProtocolError):
        execution.Course(plan, 7, data)
    for damaged in ({"vectors": memory.vectors[:4]}, {"workspace": memory.workspace[:-1]}):
        with pytest.raises(LocalProtocolError):
            course.train(settings, CLOCK, given, attrs.evolve(memory, **damaged), good)
    with pytest.raises(LocalProtocolError):
        execution.Course(plan, layout.SGD, (data[0], data[1][:4]))
    for bad in (-1, 3, 0.5, np.nan):
        with pytest.raises(LocalProtocolError):
            execution.check_data(SPEC, (data[0], data[1] + np.float32(bad)))


def test_rows_that_do_not_suit_the_model_are_refused():
    data = blobs()
    three = attrs.evolve(data, targets=data.targets + 1)
    narrow = data.with_features(np.ascontiguousarray(data.features[:, :3]), tuple("abc"))
    holes = data.with_features(data.features * np.float32(np.nan), data.columns)
    for bad, message in (
        (three, "fewer than here"),
        (plane(), "do not suit"),
        (narrow, "3 features"),
        (holes, "NaN or infinity"),
    ):
        with pytest.raises(DataError, match=message):
            trainer(data=bad)


def test_read_only_rows_are_welcome():
    data = blobs()
    data.features.flags.writeable = False
    start = SPEC.initial(0)
    start.flags.writeable = False
    learner = trainer(data=data)
    np.testing.assert_array_equal(
        learner.fit(start, start).parameters, trainer().fit(start, start).parameters
    )
    assert predict(SPEC, start, data.features).shape == (120, 3)


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": "lbfgs"},
        {"learning_rate": 0.0},
        {"learning_rate": float("nan")},
        {"learning_rate": 11},
        {"momentum": 1.0},
        {"momentum": -0.1},
        {"batch_size": 0},
        {"batch_size": 2.0},
        {"local_steps": 0},
        {"weight_decay": -1},
        {"optimizer": "adam", "momentum": 0.5},
        {"optimizer": "adamw", "momentum": 0.5},
        {"nesterov": True},
        {"nesterov": 1, "momentum": 0.9},
        {"clip_norm": -1},
        {"proximal": float("inf")},
        {"warmup_steps": 0.5},
        {"schedule": "cosine"},
        {"class_weights": (1.0, 0.0)},
        {"class_weights": (1.0, float("nan"))},
        {"class_weights": "ab"},
        {"optimizer": "adamw", "learning_rate": 2.0, "weight_decay": 0.6},
    ],
)
def test_settings_outside_their_range_are_refused(changes):
    with pytest.raises(ConfigError, match="|".join(changes)):
        TrainingSettings(**changes)


def test_fedprox_pulls_back_to_where_the_round_began():
    start = SPEC.initial(0)
    moved = {}
    for proximal in (0.0, 5.0):
        settings = TrainingSettings(proximal=proximal, local_steps=30, learning_rate=0.05)
        end = trainer(settings).fit(start, start * 0).parameters
        moved[proximal] = np.linalg.norm(end - start)
    assert moved[5.0] < moved[0.0] / 2
    one = TrainingSettings(local_steps=1)
    pulled = trainer(attrs.evolve(one, proximal=5.0)).fit(start, start * 0).parameters
    np.testing.assert_array_equal(pulled, trainer(one).fit(start, start * 0).parameters)


def test_a_clipped_step_is_no_longer_than_agreed():
    settings = TrainingSettings(clip_norm=0.01, local_steps=1, learning_rate=0.5)
    start = SPEC.initial(0)
    end = trainer(settings).fit(start, start * 0).parameters
    assert np.linalg.norm(end - start) == pytest.approx(0.005, rel=1e-3)


def test_step_size_follows_the_schedule():
    learner = trainer(TrainingSettings(schedule="step:5:0.5", learning_rate=0.2, local_steps=5))
    found, parameters = [learner.step_size], SPEC.initial(0)
    for _ in range(3):
        parameters = run(learner, parameters, 1)
        found.append(learner.step_size)
    assert found == pytest.approx([1.0, 1.0, 0.5, 0.25])


def test_seed_is_checked():
    with pytest.raises(ConfigError):
        trainer(seed=-1)


def test_one_compilation_serves_every_architecture(monkeypatch):
    """Nothing that a trainer of perceptrons does after `warm` compiles or loads a kernel."""
    warm()
    for settings in OPTIMIZERS:
        trainer(settings)
    monkeypatch.setattr(native, "load", None)  # who calls it fails
    for settings in OPTIMIZERS:
        learner = trainer(settings)
        learner.evaluate(run(learner, SPEC.initial(0), 1))
    other = trainer(spec=VALUES, data=plane())
    other.evaluate(run(other, VALUES.initial(0), 1))
