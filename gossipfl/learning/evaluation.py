"""Judging a model's outputs, in float64."""

import numpy as np
from numpy.typing import NDArray

from gossipfl.learning.learner import Evaluation
from gossipfl.models.sequential import Loss

Floats = NDArray[np.float32]
Exact = NDArray[np.float64]


def evaluate_outputs(
    loss: Loss, outputs: Floats, targets: Floats, weights: Floats | None = None
) -> Evaluation:
    """Evaluation of `outputs` f32[n, k], n >= 1, against targets f32[n, 1] classes or f32[n, k].

    weights: f32[n], how much each row counts in a cross-entropy; its accuracy counts all alike.
    """
    exact = outputs.astype(np.float64)
    if loss == "cross-entropy":
        return _classes(exact, targets[:, 0].astype(np.int64), weights)
    if loss == "binary":
        return _bits(exact, targets)
    error = np.abs(exact - targets)
    losses = np.square(error) if loss == "squared-error" else _huber(error)
    return Evaluation(
        loss=float(losses.mean()),
        accuracy=None,
        error=float(np.square(error).mean()) ** 0.5,
        samples=len(targets),
    )


def _classes(logits: Exact, classes: NDArray[np.int64], weights: Floats | None) -> Evaluation:
    rows = len(classes)
    # Of so few rows, what is around NumPy's methods costs more than they do.
    shifted = logits - np.maximum.reduce(logits, axis=1, keepdims=True)
    chosen = shifted[np.arange(rows), classes]
    losses = np.log(np.add.reduce(np.exp(shifted), axis=1)) - chosen
    accuracy = int(np.count_nonzero(logits.argmax(1) == classes)) / rows
    mean = np.add.reduce(losses) / rows if weights is None else np.average(losses, weights=weights)
    loss = float(mean)
    return Evaluation(loss=loss, accuracy=accuracy, error=None, samples=len(classes))


def _bits(logits: Exact, targets: Floats) -> Evaluation:
    losses = binary_losses(logits, targets)
    accuracy = float(((logits > 0) == (targets > 0)).mean())
    return Evaluation(
        loss=float(losses.mean()), accuracy=accuracy, error=None, samples=len(targets)
    )


def binary_losses(logits: Exact, targets: Floats | Exact) -> Exact:
    """Cross-entropies of logistic units, f64[n, k]."""
    found: Exact = np.logaddexp(0, logits) - logits * targets
    return found


def _huber(error: Exact) -> Exact:
    slope = np.minimum(error, 1)
    found: Exact = slope * (error - slope / 2)
    return found
