"""All losses in NumPy, for any float type."""

import numpy as np

from gossipfl.kernels.dense_ref import matrix
from gossipfl.kernels.layout import INPUTS, OUTPUTS, RESULT, SCRATCH, SOURCE, SOURCE_GRADIENT


def cross_entropy(row, parameters, gradient, workspace, batch):
    """Mean of -log softmax(logits)[class]; gradient (softmax - one hot) / batch."""
    truth = matrix(workspace, row[RESULT], batch, row[OUTPUTS])[:, 0]
    _cross_entropy(row, workspace, truth, np.ones(batch, workspace.dtype))


def weighted_cross_entropy(row, parameters, gradient, workspace, batch):
    """The same, each row as often as the weight behind its class says."""
    _cross_entropy(row, workspace, *matrix(workspace, row[RESULT], batch, row[OUTPUTS]).T)


def _cross_entropy(row, workspace, truth, weights):
    batch, classes = len(truth), row[INPUTS]
    logits = matrix(workspace, row[SOURCE], batch, classes)
    shifted = logits - logits.max(1, keepdims=True)
    logarithms = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    one_hot = np.eye(classes, dtype=logits.dtype)[truth.astype(np.int64)]
    shares = (weights / weights.sum())[:, None]
    matrix(workspace, row[SOURCE_GRADIENT], batch, classes)[:] = (
        np.exp(logarithms) - one_hot
    ) * shares
    workspace[row[SCRATCH]] = -(logarithms * one_hot * shares).sum()


def squared_error(row, parameters, gradient, workspace, batch):
    """Mean over rows and outputs of (value - target) squared."""
    values = matrix(workspace, row[SOURCE], batch, row[INPUTS])
    error = values - matrix(workspace, row[RESULT], batch, row[OUTPUTS])
    matrix(workspace, row[SOURCE_GRADIENT], batch, row[INPUTS])[:] = 2 * error / error.size
    workspace[row[SCRATCH]] = np.square(error).mean()


def binary(row, parameters, gradient, workspace, batch):
    """Mean over rows and outputs of log(1 + exp(-|z|)) + max(z, 0) - z t."""
    logits = matrix(workspace, row[SOURCE], batch, row[INPUTS])
    targets = matrix(workspace, row[RESULT], batch, row[OUTPUTS])
    decay = np.exp(-np.abs(logits))
    shares = np.where(logits > 0, 1, decay) / (1 + decay)
    matrix(workspace, row[SOURCE_GRADIENT], batch, row[INPUTS])[:] = (
        shares - targets
    ) / shares.size
    losses = np.log1p(decay) + np.maximum(logits, 0) - logits * targets
    workspace[row[SCRATCH]] = losses.mean()


def huber(row, parameters, gradient, workspace, batch):
    """Mean over rows and outputs of e^2 / 2, or |e| - 1/2 for errors beyond 1."""
    values = matrix(workspace, row[SOURCE], batch, row[INPUTS])
    error = values - matrix(workspace, row[RESULT], batch, row[OUTPUTS])
    slope = np.clip(error, -1, 1)
    matrix(workspace, row[SOURCE_GRADIENT], batch, row[INPUTS])[:] = slope / error.size
    workspace[row[SCRATCH]] = (slope * (error - slope / 2)).mean()
