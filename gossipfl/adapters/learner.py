"""Whatever a framework trains, as a node's learner."""

import math
import traceback
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol, TypeVar

import msgpack
import numpy as np
from attrs import frozen

from gossipfl.adapters.arrays import Array, Layout, Vector
from gossipfl.errors import GossipFLError, StateError, TrainingFailed
from gossipfl.learning.learner import Evaluation, Fit
from gossipfl.wire.messages import SAMPLES_MAX

T = TypeVar("T")
VERSION: Final = 1
HEAD_MAX: Final = 16 * 1024  # bytes of a snapshot beside the arrays


@frozen(kw_only=True, eq=False)
class Trained:
    """arrays: all of the model's, in order; samples: rows trained on; loss: nan when not told."""

    arrays: Sequence[object]
    samples: int
    loss: float


class ForeignModel(Protocol):
    """What a framework's adapter does.  Anything that its methods raise is taken for the app's."""

    def train(self, arrays: list[Array]) -> Trained:
        """Train as long as one round takes, from these arrays, which it may keep."""

    def evaluate(self, arrays: list[Array]) -> Evaluation:
        """Judge these arrays on rows of its own."""


class ForeignLearner:
    """A ForeignModel that implements Learner.

    The control variate h stands for a drift that local training should not have.  The built-in
    trainer adds it after every step; here steps are out of reach, so half of it goes before
    training and half after (Strang splitting, 1968): the sum of both flows over one fit is met to
    second order in its length, and the weighted sum of h over the cluster stays zero, so the mean
    of all models moves as it would without.  h is in units of displacement: the step size is 1,
    or 0 to switch the correction off.
    """

    def __init__(self, layout: Layout, model: ForeignModel, *, corrected: bool) -> None:
        self._layout = layout
        self._model = model
        self._corrected = corrected
        self._local = layout.local()
        self.samples = 0

    @property
    def size(self) -> int:
        """Length d of the parameter vector."""
        return self._layout.size

    @property
    def step_size(self) -> float:
        """How far one `fit` moves along a constant correction."""
        return 1.0 if self._corrected else 0.0

    def try_out(self, parameters: Vector) -> None:
        """Train once and keep nothing but the number of rows, which only the app can tell.

        Raises TrainingFailed when the app does not suit the agreement.
        """
        _, _, trained = self._train(parameters)
        self.samples = trained.samples

    def fit(self, parameters: Vector, correction: Vector) -> Fit:
        """One round of the app's own training.  Raises TrainingFailed."""
        half = correction * np.float32(self.step_size / 2)
        vector, local, trained = self._train(parameters + half)
        self._local, self.samples = local, trained.samples
        return Fit(parameters=vector + half, loss=trained.loss, steps=1)

    def _train(self, parameters: Vector) -> tuple[Vector, list[Array], Trained]:
        arrays = self._layout.join(parameters, self._local)
        trained = guarded("training", self._model.train, arrays)
        vector, local = self._layout.split(trained.arrays)
        if not np.isfinite(vector).all():
            raise TrainingFailed("the app's training returned parameters that are not finite")
        if not 1 <= trained.samples <= SAMPLES_MAX:
            raise TrainingFailed(f"the app trained on {trained.samples} rows; it needs at least 1")
        return vector, local, trained

    def evaluate(self, parameters: Vector) -> Evaluation:
        """The app's own judgement of `parameters` f32[d].  Raises TrainingFailed."""
        arrays = self._layout.join(parameters, self._local)
        found = guarded("evaluation", self._model.evaluate, arrays)
        if not math.isfinite(found.loss):
            raise TrainingFailed("the app's evaluation returned a loss that is not finite")
        return found

    def complete(self, parameters: Vector) -> Vector:
        """`parameters`: the model as a whole exists inside the app only."""
        return parameters

    def snapshot(self) -> bytes:
        """The arrays that stay local.  What the app itself remembers is lost with its process."""
        return bytes(msgpack.packb([VERSION, [array.tobytes() for array in self._local]]))

    def restore(self, snapshot: bytes) -> None:
        """Put the local arrays back.  Raises StateError."""
        local = self._layout.local()
        if len(snapshot) > sum(array.nbytes for array in local) + HEAD_MAX:
            raise StateError("snapshot: too long for this model; remove it to start afresh")
        try:
            version, parts = msgpack.unpackb(snapshot)
            read = [
                np.frombuffer(part, array.dtype).reshape(array.shape).copy()
                for part, array in zip(parts, local, strict=True)
            ]
        except (ValueError, TypeError, msgpack.UnpackException):
            raise StateError("snapshot: damaged or of another model; remove it") from None
        if version != VERSION or not all(_finite(array) for array in read):
            raise StateError("snapshot: damaged or of another version; remove it")
        self._local = read


def _finite(array: Array) -> bool:
    return bool(np.isfinite(array).all())


def guarded(what: str, function: Callable[..., T], *arguments: Any) -> T:
    """Whatever goes wrong in the app's code is one line about it, and costs one round."""
    try:
        return function(*arguments)
    except GossipFLError:
        raise
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        reason = (str(error).strip() or "no reason given").splitlines()[0]
        raise TrainingFailed(
            f"the app's {what} failed: {type(error).__name__}: {reason:.300} "
            f"({place.filename}, line {place.lineno})"
        ) from None
