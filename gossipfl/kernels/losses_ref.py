"""Both losses in NumPy, for any float type."""

import numpy as np

from gossipfl.kernels.dense_ref import matrix
from gossipfl.kernels.layout import INPUTS, OUTPUTS, RESULT, SCRATCH, SOURCE, SOURCE_GRADIENT


def cross_entropy(row, parameters, gradient, workspace, batch):
    """Mean of -log softmax(logits)[class]; gradient (softmax - one hot) / batch."""
    logits = matrix(workspace, row[SOURCE], batch, row[INPUTS])
    truth = matrix(workspace, row[RESULT], batch, row[OUTPUTS])[:, 0].astype(np.int64)
    shifted = logits - logits.max(1, keepdims=True)
    logarithms = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    one_hot = np.eye(row[INPUTS], dtype=logits.dtype)[truth]
    matrix(workspace, row[SOURCE_GRADIENT], batch, row[INPUTS])[:] = (
        np.exp(logarithms) - one_hot
    ) / batch
    workspace[row[SCRATCH]] = -(logarithms * one_hot).sum() / batch


def squared_error(row, parameters, gradient, workspace, batch):
    """Mean over rows and outputs of (value - target) squared."""
    values = matrix(workspace, row[SOURCE], batch, row[INPUTS])
    error = values - matrix(workspace, row[RESULT], batch, row[OUTPUTS])
    matrix(workspace, row[SOURCE_GRADIENT], batch, row[INPUTS])[:] = 2 * error / error.size
    workspace[row[SCRATCH]] = np.square(error).mean()
