"""The layers of which models are made."""

from gossipfl.models.layers.activations import ReLU, Sigmoid, Tanh
from gossipfl.models.layers.base import Bound, Layer, Shape, Tensor
from gossipfl.models.layers.convolution import Conv1D, Conv2D
from gossipfl.models.layers.dense import Dense
from gossipfl.models.layers.dropout import Dropout
from gossipfl.models.layers.normalisation import GroupNorm, LayerNorm
from gossipfl.models.layers.pooling import (
    AveragePool1D,
    AveragePool2D,
    GlobalAverage,
    MaxPool1D,
    MaxPool2D,
)
from gossipfl.models.layers.quantisation import FakeQuantise
from gossipfl.models.layers.recurrent import GRU, FastGRNN
from gossipfl.models.layers.transformer import Positions, TransformerBlock

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
