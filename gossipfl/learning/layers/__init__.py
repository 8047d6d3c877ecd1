"""The layers of which models are made."""

from gossipfl.learning.layers.activations import ReLU, Sigmoid, Tanh
from gossipfl.learning.layers.base import Bound, Layer, Shape, Tensor
from gossipfl.learning.layers.dense import Dense
from gossipfl.learning.layers.normalisation import LayerNorm
from gossipfl.learning.layers.recurrent import GRU, FastGRNN

__all__ = [
    "GRU",
    "Bound",
    "Dense",
    "FastGRNN",
    "Layer",
    "LayerNorm",
    "ReLU",
    "Shape",
    "Sigmoid",
    "Tanh",
    "Tensor",
]
