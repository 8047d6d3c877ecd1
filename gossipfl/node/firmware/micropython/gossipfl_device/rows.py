"""The samples that a board learns from."""

import struct

from gossipfl_device.numbers import Vector


class Rows:
    """What training asks for; make a class of your own where samples lie elsewhere than in a file.

    count: of samples.  inputs: features of each.  classes: how many there are.
    """

    count: int
    inputs: int
    classes: int

    def read(self, place: int, features: Vector[float]) -> int:
        """Write the features of one sample; returns its class."""
        raise NotImplementedError


class RowFile(Rows):
    """Samples in a file, so that they take no memory: of each the class u16, then features f32."""

    def __init__(self, path: str, inputs: int, classes: int) -> None:
        self._file = open(path, "rb")  # noqa: SIM115
        self._row_bytes = 2 + 4 * inputs
        length = self._file.seek(0, 2)
        if not length or length % self._row_bytes:
            raise ValueError(f"{path}: no whole number of rows of {inputs} features")
        self.count = length // self._row_bytes
        self.inputs = inputs
        self.classes = classes

    def read(self, place: int, features: Vector[float]) -> int:
        self._file.seek(place * self._row_bytes)
        label: int = struct.unpack("<H", self._file.read(2))[0]
        self._file.readinto(features)
        if label >= self.classes:
            raise ValueError(f"row {place} is of class {label}, and there are {self.classes}")
        return label
