"""Losses far from zero and at their edges, against float64."""

import numpy as np
import pytest

from gossipfl.kernels import kinds, kinds_ref, layout, steps_ref

ROW = np.zeros(layout.COLUMNS, np.int64)
ROW[[layout.SOURCE, layout.RESULT, layout.SOURCE_GRADIENT, layout.SCRATCH]] = 0, 512, 1024, 1536


def value(kind, outputs, targets):
    """(loss, gradient) by the kernel."""
    row, workspace = ROW.copy(), np.zeros(1552, np.float32)
    row[[layout.INPUTS, layout.OUTPUTS]] = outputs.shape[1], targets.shape[1]
    workspace[: outputs.size] = outputs.ravel()
    workspace[512 : 512 + targets.size] = targets.ravel()
    nothing, shared = np.zeros(1, np.float32), np.zeros(1, np.int64)
    kinds.LOSSES[kind](row, nothing, nothing, workspace, len(outputs), shared)
    gradient = workspace[1024 : 1024 + outputs.size].reshape(outputs.shape)
    return workspace[1536], gradient.copy()


@pytest.mark.parametrize("rows", [1, 31, 32, 33, 100])
def test_binary_on_logits_of_every_size(rows):
    rng = np.random.default_rng(rows)
    logits = (rng.normal(size=(rows, 3)) * 10.0 ** rng.uniform(-3, 2, (rows, 3))).astype("f4")
    targets = rng.integers(0, 2, (rows, 3)).astype("f4")
    loss, gradient = value(layout.BINARY, logits, targets)
    exact = logits.astype(np.float64)
    assert loss == pytest.approx((np.logaddexp(0, exact) - exact * targets).mean(), rel=1e-6)
    expected = (np.exp(-np.logaddexp(0, -exact)) - targets) / logits.size
    np.testing.assert_allclose(gradient, expected, atol=1e-6 / logits.size)


@pytest.mark.parametrize("rows", [1, 31, 32, 33, 100])
@pytest.mark.parametrize("classes", [2, 3, 5])
def test_cross_entropy_of_every_size(classes, rows):
    rng = np.random.default_rng(rows)
    logits = rng.normal(size=(rows, classes)) * 10.0 ** rng.uniform(-3, 2, (rows, 1))
    logits = logits.astype(np.float32)
    chosen = rng.integers(0, classes, rows)
    loss, gradient = value(layout.CROSS_ENTROPY, logits, chosen[:, None].astype(np.float32))
    exact = logits.astype(np.float64)
    likelihoods = exact - np.logaddexp.reduce(exact, 1, keepdims=True)
    assert loss == pytest.approx(-likelihoods[np.arange(rows), chosen].mean(), rel=1e-6, abs=1e-6)
    expected = (np.exp(likelihoods) - np.eye(classes)[chosen]) / rows
    np.testing.assert_allclose(gradient, expected, atol=1e-6 / rows)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_cross_entropy_shows_logits_that_are_not_finite(classes, bad):
    for place in range(classes):
        logits = np.zeros((3, classes), np.float32)
        logits[1, place] = bad
        with np.errstate(invalid="ignore"):  # only when run without compilation
            loss, _ = value(layout.CROSS_ENTROPY, logits, np.full((3, 1), place, np.float32))
        assert not np.isfinite(loss)


def test_huber_at_the_border_and_beyond():
    errors = np.array([[0, 0.5, -0.5, 1, -1, 1.5, -1e6]], np.float32)
    loss, gradient = value(layout.HUBER, errors, np.zeros_like(errors))
    size = np.abs(errors.astype(np.float64))
    expected = np.where(size <= 1, size**2 / 2, size - 0.5).mean()
    assert loss == pytest.approx(expected, rel=1e-6)
    np.testing.assert_allclose(gradient * errors.size, np.clip(errors, -1, 1), rtol=1e-6)


def test_equal_weights_are_no_weights_and_only_ratios_count():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, (40, 5)).astype("f4")
    classes = rng.integers(0, 5, (40, 1)).astype("f4")
    plain, gradient = value(layout.CROSS_ENTROPY, logits, classes)
    alike = np.append(classes, np.full((40, 1), 0.25, "f4"), 1)
    loss, weighted = value(layout.WEIGHTED_CROSS_ENTROPY, logits, alike)
    assert loss == pytest.approx(plain, rel=1e-6)
    np.testing.assert_allclose(weighted, gradient, atol=1e-8)
    weights = rng.uniform(0.1, 9, (40, 1)).astype("f4")
    found = [
        value(layout.WEIGHTED_CROSS_ENTROPY, logits, np.append(classes, weights * scale, 1))
        for scale in (np.float32(1), np.float32(7))
    ]
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-5)
    np.testing.assert_allclose(found[0][1], found[1][1], atol=1e-7)


def test_every_loss_has_a_twin():
    assert kinds.LOSSES.keys() == kinds_ref.LOSSES.keys()
    assert steps_ref.LOSSES is kinds_ref.LOSSES
