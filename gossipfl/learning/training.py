"""The built-in learner: a model of layers trained on this node's rows."""

import copy

import numpy as np
from numpy.typing import NDArray

from gossipfl.data.dataset import Dataset
from gossipfl.errors import ConfigError, DataError, TrainingFailed
from gossipfl.learning import execution
from gossipfl.learning.evaluation import evaluate_outputs
from gossipfl.learning.execution import Course, Given, Memory, Trained, predict
from gossipfl.learning.learner import Evaluation, Fit
from gossipfl.learning.sampling import SEED_MAX, Rows, Sampler
from gossipfl.learning.settings import TrainingSettings
from gossipfl.learning.snapshot import TrainerState, decode_state, encode_state
from gossipfl.models.layers import Dense
from gossipfl.models.sequential import Loss, Sequential, perceptron

__all__ = ["Trainer", "TrainingDiverged", "TrainingSettings", "predict", "warm"]

Vector = NDArray[np.float32]


class TrainingDiverged(TrainingFailed):
    """Parameters or loss stopped being finite numbers; the trainer is as it was before."""


class Trainer:
    """Trains and judges one model on one node.  One call at a time, from any thread.

    Parameters belong to the caller; only optimizer state and the place in the data live here.
    """

    def __init__(
        self,
        spec: Sequential,
        train: Dataset,
        validation: Dataset | None,
        settings: TrainingSettings,
        *,
        seed: int,
    ) -> None:
        """Raises DataError when rows do not suit the model, ConfigError for a bad seed and for
        class weights that do not suit it.
        """
        if not 0 <= seed <= SEED_MAX:
            raise ConfigError(f"the trainer's seed is 0 to {SEED_MAX}, not {seed}")
        self.spec = spec
        self.settings = settings
        self._weights = class_weights(spec, settings)
        self._moments = np.zeros((settings.state_vectors, spec.parameters), np.float32)
        self._step = 0
        self._seed = seed
        self._place = 0  # in the stream of rows
        self._take(train, validation)

    def _take(self, train: Dataset, validation: Dataset | None) -> None:
        spec, weights = self.spec, self._weights
        self._data = _arrays(spec, train, weights)
        self._validation = None if validation is None else _arrays(spec, validation, weights)
        self._arrange()

    def _arrange(self) -> None:
        """What follows from the settings and the rows."""
        batch = min(self.settings.batch_size, self._rows)
        self._plan = self.spec.plan(batch, weighted=self._weights is not None)
        self._course = Course(self._plan, self.settings.kernel, self._data)
        self._sampler = Sampler(self._rows, self._seed)

    def adjust(self, settings: TrainingSettings) -> None:
        """Go on with other settings.  Schedules count the steps that were made before, too.

        Between two calls of anything else.  Raises ConfigError, and then changes nothing, for those
        that rows or optimizer state of this trainer do not suit.
        """
        check_change(self.settings, settings)
        self.settings = settings
        self._arrange()

    def fork(self, settings: TrainingSettings) -> "Trainer":
        """One that goes on from here with other settings, over the same rows in the same order."""
        forked = copy.copy(self)  # nothing that they share is ever written to
        forked.adjust(settings)
        return forked

    def replace_rows(self, train: Dataset, validation: Dataset | None) -> None:
        """Go on with other rows; with a new epoch if their number has changed.  Raises DataError.

        Between two calls of anything else.
        """
        before = self._rows
        self._take(train, validation)
        if self._rows != before:
            self._place = (self._place // before + 1) * self._rows

    @property
    def samples(self) -> int:
        """Training rows, as class weights count them."""
        _, targets = self._data
        return len(targets) if self._weights is None else max(1, round(float(targets[:, 1].sum())))

    @property
    def _rows(self) -> int:
        return len(self._data[0])

    @property
    def size(self) -> int:
        """Length d of the parameter vector."""
        return self._plan.parameters

    @property
    def step_size(self) -> float:
        """How far the latest `fit` moved along a constant correction; before it, the next one."""
        steps = self.settings.local_steps
        return self.settings.pace(max(self._step - steps, 0), steps)[1]

    def fit(
        self,
        parameters: Vector,
        correction: Vector,
        *,
        steps: int | None = None,
        frozen: NDArray[np.int64] | None = None,
    ) -> Fit:
        """`local_steps` steps, or `steps`, from `parameters` f32[d]; releases the GIL.

        After each optimizer step x += its learning rate * correction.  Entries at the places
        `frozen` stay as they are, their optimizer state too.  Raises TrainingDiverged.
        """
        steps = steps or self.settings.local_steps
        given = parameters, parameters, correction, self._moments
        shape = steps, self._plan.batch
        batches = self._sampler.draw(self._place, shape)
        memory = execution.take_memory(self._plan)
        if frozen is None:
            trained = self._run(given, memory, batches, 0)
        else:
            trained = self._run_around(frozen, given, memory, batches)
        reached, moments, loss, finite = trained
        if not finite:
            raise TrainingDiverged(
                "training diverged: lower training.learning_rate, or standardise the inputs"
            )
        memory.release(self._plan)
        self._moments = moments
        self._step += steps
        self._place += steps * self._plan.batch
        return Fit(parameters=reached, loss=loss, steps=steps)

    def _run(self, given: Given, memory: Memory, batches: Rows, after: int) -> Trained:
        """One step a batch, `after` so many of this fit."""
        made = self._step + after
        settings, _ = self.settings.pace(made, len(batches))
        return self._course.train(settings, (made, self._seed), given, memory, batches)

    def _run_around(
        self, frozen: NDArray[np.int64], given: Given, memory: Memory, batches: Rows
    ) -> Trained:
        """The same, step by step, putting `frozen` entries back after each."""
        reached, start, correction, moments = kept_parameters, _, _, kept_moments = given
        total, all_finite = 0.0, True
        for number in range(len(batches)):
            given = reached, start, correction, moments
            one = batches[number : number + 1]
            reached, moments, loss, finite = self._run(given, memory, one, number)
            reached[frozen] = kept_parameters[frozen]
            moments[:, frozen] = kept_moments[:, frozen]
            total, all_finite = total + loss, all_finite and finite
        return reached, moments, total / len(batches), all_finite

    def evaluate(self, parameters: Vector) -> Evaluation:
        """Judge `parameters` f32[d] on the validation rows."""
        if self._validation is None:
            return Evaluation(loss=0.0, accuracy=None, error=None, samples=0)
        features, targets = self._validation
        weights = None if self._weights is None else targets[:, 1]
        outputs = self.predict(parameters, features)
        return evaluate_outputs(self.spec.loss, outputs, targets, weights)

    def predict(self, parameters: Vector, features: Vector) -> Vector:
        """f32[n, outputs] logits or values for `features` f32[n, inputs]."""
        return predict(self.spec, parameters, features)

    def complete(self, parameters: Vector) -> Vector:
        """`parameters`: nothing is kept from the node."""
        return parameters

    def snapshot(self) -> bytes:
        """Optimizer state and place in the data."""
        state = TrainerState(
            optimizer=self.settings.optimizer,
            step=self._step,
            moments=self._moments,
            seed=self._seed,
            epoch=self._place // self._rows,
            position=self._place % self._rows,
            rows=self._rows,
        )
        return encode_state(state)

    def restore(self, snapshot: bytes) -> None:
        """Continue exactly from `snapshot`; with a new epoch if the number of rows has changed.

        Raises StateError, and then changes nothing.
        """
        state = decode_state(snapshot, self.settings.optimizer, self._moments.shape)
        self._moments, self._step = state.moments, state.step
        if state.seed != self._seed:
            self._seed = state.seed
            self._sampler = Sampler(self._rows, self._seed)
        if state.rows == self._rows:
            self._place = state.epoch * self._rows + state.position
        else:
            self._place = (state.epoch + 1) * self._rows


def check_change(before: TrainingSettings, after: TrainingSettings) -> None:
    """Raises ConfigError for settings that a trainer which has begun cannot go on with."""
    if before.class_weights != after.class_weights:
        raise ConfigError("class_weights are the aim of learning: they stay as they are")
    if (before.optimizer, before.state_vectors) != (after.optimizer, after.state_vectors):
        begun = f"{before.optimizer} {'with' if before.momentum else 'without'} momentum"
        raise ConfigError(
            f"training has begun by {begun}: what it remembers of earlier steps suits no other"
        )


def class_weights(spec: Sequential, settings: TrainingSettings) -> Vector | None:
    """f32[classes], 1 on average, since only their ratios matter; None when all count alike.

    Raises ConfigError when the model takes none, or has another number of classes.
    """
    given = settings.class_weights
    if not given:
        return None
    if spec.loss != "cross-entropy":
        raise ConfigError(f"class_weights are for the loss cross-entropy, not for {spec.loss}")
    if len(given) != spec.outputs:
        raise ConfigError(
            f"class_weights: one for each of the {spec.outputs} classes, not {len(given)}"
        )
    weights: Vector = (np.array(given) / np.mean(given)).astype(np.float32)
    return weights


def _arrays(spec: Sequential, dataset: Dataset, weights: Vector | None) -> tuple[Vector, Vector]:
    """(features, targets) as kernels take them; features are not copied."""
    if not _suits(spec, dataset):
        raise DataError(f"{dataset.source}: its targets do not suit the loss {spec.loss}")
    targets = dataset.targets.reshape(len(dataset), -1)
    classes = max(spec.outputs, 2)  # one logistic unit tells two
    if dataset.classification and not 0 <= targets.min() <= targets.max() < classes:
        raise DataError(f"{dataset.source}: the model has {classes} classes, fewer than here")
    if dataset.features.shape[1] != spec.inputs or targets.shape[1] != spec.target_columns:
        raise DataError(
            f"{dataset.source}: {dataset.features.shape[1]} features and {targets.shape[1]} targets"
            f", but the model takes {spec.inputs} and {spec.target_columns}"
        )
    if not (np.isfinite(dataset.features).all() and np.isfinite(targets).all()):
        raise DataError(f"{dataset.source}: holds NaN or infinity; mend or drop those rows")
    if spec.loss == "binary" and not np.isin(targets, (0, 1)).all():
        raise DataError(f"{dataset.source}: the loss binary takes targets 0 and 1, nothing else")
    data = dataset.features, targets.astype(np.float32)
    execution.check_data(spec, data)
    return data if weights is None else (data[0], _weighted(data[1], weights))


def _suits(spec: Sequential, dataset: Dataset) -> bool:
    if spec.loss == "binary":
        return not dataset.classification or spec.outputs == 1
    return dataset.classification == (spec.loss == "cross-entropy")


def _weighted(targets: Vector, weights: Vector) -> Vector:
    """Targets with the weight of the class behind it."""
    return np.concatenate([targets, weights[targets.astype(np.int64)]], 1)


def warm() -> None:
    """Compile or load all that multilayer perceptrons need, so that no real step has to wait."""
    for spec, settings in (
        (_tiny("cross-entropy"), TrainingSettings(local_steps=1)),
        (_tiny("squared-error"), TrainingSettings(local_steps=1, optimizer="adam")),
    ):
        classes = np.zeros(1, np.int64)
        values = np.zeros((1, spec.outputs), np.float32)
        rows = Dataset(
            features=np.zeros((1, 1), np.float32),
            targets=classes if spec.loss == "cross-entropy" else values,
            columns=("x",),
            source="warm-up",
        )
        trainer = Trainer(spec, rows, rows, settings, seed=0)
        zeros = np.zeros(spec.parameters, np.float32)
        trainer.evaluate(trainer.fit(zeros, zeros).parameters)


def _tiny(loss: Loss) -> Sequential:
    return Sequential(*perceptron((1,)), Dense(2), shape=(1,), loss=loss)
