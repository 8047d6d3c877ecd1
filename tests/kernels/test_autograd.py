"""Every layer, loss and optimizer against PyTorch's autograd, where PyTorch is installed."""

import pytest

pytest.importorskip("torch")

from gossipfl.kernels import kinds
from gossipfl.models.declaration import KINDS
from gossipfl.models.layers import Dropout, FakeQuantise
from tests.kernels import autograd

GRADIENT_ERROR_MAX, STEPS_ERROR_MAX = 1e-4, 1e-5


def test_every_layer_and_loss_is_compared():
    used = {type(layer) for spec in autograd.MODELS.values() for layer in spec.layers}
    assert used == autograd.LAYERS.keys() == set(KINDS.values()) - {Dropout, FakeQuantise}
    assert kinds.LOSSES.keys() == autograd.LOSSES.keys()


@pytest.mark.parametrize("name", autograd.MODELS)
def test_gradients(name):
    assert autograd.gradient_error(autograd.MODELS[name]) < GRADIENT_ERROR_MAX


@pytest.mark.parametrize("optimizer", autograd.OPTIMIZERS)
@pytest.mark.parametrize("name", autograd.MODELS)
def test_twenty_steps(name, optimizer):
    settings = autograd.OPTIMIZERS[optimizer]
    assert autograd.steps_error(autograd.MODELS[name], settings) < STEPS_ERROR_MAX


def test_class_weights():
    spec = autograd.MODELS[autograd.WEIGHTED]
    assert autograd.gradient_error(spec, weighted=True) < GRADIENT_ERROR_MAX
    settings = autograd.OPTIMIZERS["momentum"]
    assert autograd.steps_error(spec, settings, weighted=True) < STEPS_ERROR_MAX
