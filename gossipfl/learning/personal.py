"""A learner that shows its node one part of the model and keeps the other to itself."""

import copy
from typing import Final

import attrs
import msgpack
import numpy as np
from numpy.typing import NDArray

from gossipfl.errors import StateError
from gossipfl.learning.learner import Evaluation, Fit, Learner
from gossipfl.learning.settings import TrainingSettings
from gossipfl.learning.training import Trainer, TrainingDiverged
from gossipfl.models.personalisation import Personalisation, Split

Vector = NDArray[np.float32]
VERSION: Final = 1


@attrs.frozen(kw_only=True, eq=False)
class Own:
    """What makes the shared part this node's own model.

    private: f32, the private part.
    tuning: f32[d], what fine-tuning added to the whole when it was last done, if ever.
    """

    private: Vector
    tuning: Vector | None = None

    def complete(self, split: Split, shared: Vector) -> Vector:
        """The whole model f32[d] around a shared part."""
        whole = split.join(shared, self.private)
        return whole if self.tuning is None else whole + self.tuning


class PersonalLearner:
    """A Learner of the shared part alone, around the trainer of the whole.

    One call at a time, from any thread; `complete` may come between.
    """

    def __init__(
        self, trainer: Trainer, split: Split, settings: Personalisation, initial: Vector
    ) -> None:
        """initial: f32[d], where the private part starts."""
        self._trainer = trainer
        self._split = split
        self._personal = settings
        self._own = Own(private=initial[split.private])

    @property
    def samples(self) -> int:
        """Training rows."""
        return self._trainer.samples

    @property
    def size(self) -> int:
        """Length of the shared part."""
        return self._split.size

    @property
    def step_size(self) -> float:
        """As the trainer's: the shared part makes all its local steps."""
        return self._trainer.step_size

    @property
    def settings(self) -> TrainingSettings:
        """The trainer's."""
        return self._trainer.settings

    def adjust(self, settings: TrainingSettings) -> None:
        """The trainer goes on with these."""
        self._trainer.adjust(settings)

    def fork(self, settings: TrainingSettings) -> "PersonalLearner":
        """With a private part of its own, which starts where this one's is."""
        forked = copy.copy(self)
        forked._trainer = self._trainer.fork(settings)
        return forked

    def fit(self, parameters: Vector, correction: Vector) -> Fit:
        """Train both parts, together or in turn; the shared one is returned.

        Raises TrainingDiverged, and then nothing has changed.
        """
        whole = self._split.join(parameters, self._own.private)
        push = self._split.join(correction, np.zeros_like(self._own.private))
        fit = (
            self._fit_in_turn(whole, push)
            if self._personal.private_steps
            else (self._trainer.fit(whole, push))
        )
        self._own = attrs.evolve(self._own, private=fit.parameters[self._split.private])
        return attrs.evolve(fit, parameters=fit.parameters[self._split.shared])

    def _fit_in_turn(self, whole: Vector, push: Vector) -> Fit:
        """First the private part alone, then the shared one alone (arXiv:2102.07078)."""
        trainer, split, steps = self._trainer, self._split, self._personal.private_steps
        before = trainer.snapshot()
        try:
            own = trainer.fit(whole, push, steps=steps, frozen=split.shared)
            return trainer.fit(own.parameters, push, frozen=split.private)
        except TrainingDiverged:
            trainer.restore(before)
            raise

    def evaluate(self, parameters: Vector) -> Evaluation:
        """Judge the whole model, fine-tuned anew, on the validation rows."""
        if self._personal.fine_tune:
            whole = self._split.join(parameters, self._own.private)
            self._own = attrs.evolve(self._own, tuning=self._tuned(whole) - whole)
        return self._trainer.evaluate(self.complete(parameters))

    def _tuned(self, whole: Vector) -> Vector:
        """Taken further on own rows; the trainer is left as it was."""
        before = self._trainer.snapshot()
        try:
            steps = self._personal.fine_tune
            return self._trainer.fit(whole, np.zeros_like(whole), steps=steps).parameters
        except TrainingDiverged:
            return whole
        finally:
            self._trainer.restore(before)

    def complete(self, parameters: Vector) -> Vector:
        """The whole model around a shared part, with what `evaluate` last fine-tuned."""
        return self._own.complete(self._split, parameters)

    def snapshot(self) -> bytes:
        """The trainer's, and what is this node's own."""
        private, tuning = self._own.private, self._own.tuning
        vectors = _pack(private), None if tuning is None else _pack(tuning)
        return bytes(msgpack.packb([VERSION, self._trainer.snapshot(), *vectors]))

    def restore(self, snapshot: bytes) -> None:
        """Continue exactly from `snapshot`.  Raises StateError, and then changes nothing."""
        trainer, own = _decode(snapshot, self._split)
        self._trainer.restore(trainer)
        self._own = own


def personalise(
    trainer: Trainer, split: Split, settings: Personalisation, initial: Vector
) -> Learner:
    """The trainer itself where nothing is personal."""
    if settings == Personalisation():
        return trainer
    return PersonalLearner(trainer, split, settings, initial)


def decode_own(snapshot: bytes, split: Split) -> Own:
    """What was a node's own when its PersonalLearner wrote `snapshot`.  Raises StateError."""
    return _decode(snapshot, split)[1]


def _decode(snapshot: bytes, split: Split) -> tuple[bytes, Own]:
    try:
        version, trainer, private, tuning = msgpack.unpackb(snapshot)
        if version != VERSION or not isinstance(trainer, bytes):
            raise ValueError("of another version")
        return trainer, Own(
            private=_floats(private, len(split.private)),
            tuning=None if tuning is None else _floats(tuning, len(split.private) + split.size),
        )
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise StateError(f"snapshot of private layers: damaged ({error}); remove it") from None


def _pack(vector: Vector) -> bytes:
    return vector.astype("<f4").tobytes()


def _floats(raw: bytes, length: int) -> Vector:
    vector = np.frombuffer(raw, "<f4").astype(np.float32)
    if len(vector) != length or not np.isfinite(vector).all():
        raise ValueError("made for another model, or not finite")
    return vector
