"""Judging a model's outputs, in float64."""

import numpy as np
from numpy.typing import NDArray

from gossipfl.learning.learner import Evaluation
from gossipfl.learning.sequential import Loss

Floats = NDArray[np.float32]


def evaluate_outputs(loss: Loss, outputs: Floats, targets: Floats) -> Evaluation:
    """Evaluation of `outputs` f32[n, k], n >= 1, against targets f32[n, 1] classes or f32[n, k]."""
    exact = outputs.astype(np.float64)
    if loss == "cross-entropy":
        return _classification(exact, targets[:, 0].astype(np.int64))
    mean_square = float(np.square(exact - targets).mean())
    return Evaluation(loss=mean_square, accuracy=None, error=mean_square**0.5, samples=len(targets))


def _classification(logits: NDArray[np.float64], classes: NDArray[np.int64]) -> Evaluation:
    shifted = logits - logits.max(1, keepdims=True)
    chosen = shifted[np.arange(len(classes)), classes]
    losses = np.log(np.exp(shifted).sum(1)) - chosen
    accuracy = float((logits.argmax(1) == classes).mean())
    return Evaluation(
        loss=float(losses.mean()), accuracy=accuracy, error=None, samples=len(classes)
    )
