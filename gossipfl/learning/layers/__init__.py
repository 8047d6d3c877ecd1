"""The layers of which models are made."""

from gossipfl.learning.layers.activations import ReLU, Sigmoid, Tanh
from gossipfl.learning.layers.base import Bound, Layer, Shape, Tensor
from gossipfl.learning.layers.convolution import Conv1D, Conv2D
from gossipfl.learning.layers.dense import Dense
from gossipfl.learning.layers.dropout import Dropout
from gossipfl.learning.layers.normalisation import GroupNorm, LayerNorm
from gossipfl.learning.layers.pooling import (
    AveragePool1D,
    AveragePool2D,
    GlobalAverage,
    MaxPool1D,
    MaxPool2D,
)
from gossipfl.learning.layers.quantisation import FakeQuantise
from gossipfl.learning.layers.recurrent import GRU, FastGRNN
from gossipfl.learning.layers.transformer import Positions, TransformerBlock

__all__ = [
    "GRU",
    "AveragePool1D",
    "AveragePool2D",
    "Bound",
    "Conv1D",
    "Conv2D",
    "Dense",
    "Dropout",
    "FakeQuantise",
    "FastGRNN",
    "GlobalAverage",
    "GroupNorm",
    "Layer",
    "LayerNorm",
    "MaxPool1D",
    "MaxPool2D",
    "Positions",
    "ReLU",
    "Shape",
    "Sigmoid",
    "Tanh",
    "Tensor",
    "TransformerBlock",
]
