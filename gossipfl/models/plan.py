"""Plans: where each layer's numbers lie, worked out and checked in Python.

Kernels follow a plan without bounds checks, so a Plan cannot exist unless every range lies inside
its vector.  The columns are named in `gossipfl.kernels.layout`.
"""

import itertools
from functools import cached_property
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from gossipfl.errors import LocalProtocolError
from gossipfl.kernels import layout
from gossipfl.models.extents import Row, extents

LOSSES = range(layout.CROSS_ENTROPY, layout.HUBER + 1)
# Slots start on a cache line (16 float32), so that vector loads do not straddle two.
LINE = 16


@attrs.frozen(kw_only=True, eq=False)
class Plan:
    """One architecture at one batch size.

    table: i64[layers + 1, COLUMNS], read-only; the last row is the loss.
    batch: rows per step.
    parameters: length d of the parameter vector.
    workspace: float32 entries the kernels need.
    spare: memory that training in this plan has left, for the next to take; see execution.py.
    """

    table: NDArray[np.int64]
    batch: int
    parameters: int
    workspace: int
    spare: list[Any] = attrs.field(factory=list, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        table = self.table
        if table.dtype != np.int64 or table.ndim != 2 or table.shape[1] != layout.COLUMNS:
            raise LocalProtocolError(f"a plan is an int64 table of {layout.COLUMNS} columns")
        if not table.flags.c_contiguous or len(table) < 2 or self.batch < 1:
            raise LocalProtocolError("a plan has contiguous rows: layers, then a loss; batch >= 1")
        if self.workspace < layout.HEAD:
            raise LocalProtocolError(f"a workspace has at least {layout.HEAD} entries")
        learnt, memory = _Room("parameters", self.parameters), _Room("workspace", self.workspace)
        memory.take(0, 0, layout.HEAD)
        memory.take(0, int(table[0, layout.SOURCE]), self.batch * int(table[0, layout.INPUTS]))
        for index, row in enumerate(table[:-1]):
            self._check_layer(index, row.tolist(), learnt, memory)
        self._check_loss(len(table) - 1, table[-1].tolist(), memory)
        learnt.check()
        memory.check()
        table.flags.writeable = False

    @cached_property
    def inputs(self) -> int:
        """Width of a row of features."""
        return int(self.table[0, layout.INPUTS])

    @cached_property
    def targets(self) -> int:
        """Width of a row of targets."""
        return int(self.table[-1, layout.OUTPUTS])

    def _check_layer(self, index: int, row: Row, learnt: "_Room", memory: "_Room") -> None:
        _, outputs = self._sizes(index, row)
        try:
            extent = extents(row, self.batch)
        except LocalProtocolError as error:
            raise LocalProtocolError(f"plan row {index}: {error}") from None
        learnt.take(index, row[layout.WEIGHTS], extent.weights)
        learnt.take(index, row[layout.BIASES], extent.biases)
        memory.take(index, row[layout.SCRATCH], extent.scratch)
        memory.take(index, row[layout.RESULT], self.batch * outputs)
        if not _rounds_data(row):
            memory.take(index, row[layout.RESULT_GRADIENT], self.batch * outputs)
        elif row[layout.RESULT_GRADIENT] != -1:
            raise LocalProtocolError(f"plan row {index}: nobody needs the gradient of rounded data")

    def _check_loss(self, index: int, row: Row, memory: "_Room") -> None:
        inputs, targets = self._sizes(index, row)
        if row[layout.KIND] not in LOSSES or target_width(row[layout.KIND], inputs) != targets:
            raise LocalProtocolError(f"plan row {index}: not a loss, or a wrong target width")
        if row[layout.SOURCE_GRADIENT] < 0:
            raise LocalProtocolError(f"plan row {index}: a loss needs a layer that learns by it")
        memory.take(index, row[layout.RESULT], self.batch * targets)
        memory.take(index, row[layout.SCRATCH], 1)
        rounds = bool((self.table[:, layout.KIND] == layout.FAKE_QUANTISE).any())
        if rounds != bool(row[layout.ROUNDED]) or any(row[layout.ROUNDED + 1 :]):
            raise LocalProtocolError(f"plan row {index}: does not suit how the layers round")
        if rounds:
            memory.take(index, row[layout.ROUNDED], self.parameters)

    def _sizes(self, index: int, row: Row) -> tuple[int, int]:
        """Inputs and outputs, which are those that the layer before leaves and takes back."""
        before = self.table[index - 1].tolist() if index else None
        inputs, outputs = row[layout.INPUTS], row[layout.OUTPUTS]
        if inputs < 1 or outputs < 1:
            raise LocalProtocolError(f"plan row {index}: a layer needs an input and an output")
        if before is not None and before[layout.OUTPUTS] != inputs:
            raise LocalProtocolError(f"plan row {index}: does not fit the layer before it")
        here = row[layout.SOURCE], row[layout.SOURCE_GRADIENT]
        if here != ((here[0], -1) if before is None else _results(before)):
            raise LocalProtocolError(f"plan row {index}: does not begin where the one before ends")
        return inputs, outputs


def _results(row: Row) -> tuple[int, int]:
    return row[layout.RESULT], row[layout.RESULT_GRADIENT]


def _rounds_data(row: Row) -> bool:
    """Rounded data are data: whoever reads them needs no gradient of them either."""
    return row[layout.KIND] == layout.FAKE_QUANTISE and row[layout.SOURCE_GRADIENT] == -1


def target_width(loss: int, outputs: int) -> int:
    """Columns of a target row of this kind of loss."""
    return {layout.CROSS_ENTROPY: 1, layout.WEIGHTED_CROSS_ENTROPY: 2}.get(loss, outputs)


class _Room:
    """A vector, and which of its entries are taken.

    Each only once: kernels keep class indices and lists of places there, which nobody else may
    write to.
    """

    def __init__(self, name: str, total: int) -> None:
        self._name, self._total = name, total
        self._taken: list[tuple[int, int]] = []

    def take(self, index: int, start: int, length: int) -> None:
        """For row `index`.  Raises LocalProtocolError when they lie outside."""
        if start < 0 or start + length > self._total:
            raise LocalProtocolError(
                f"plan row {index}: {start}+{length} lies outside 0..{self._total}"
            )
        if length:
            self._taken.append((start, start + length))

    def check(self) -> None:
        """Raises LocalProtocolError when an entry was taken twice."""
        for (_, stop), (start, _) in itertools.pairwise(sorted(self._taken)):
            if start < stop:
                raise LocalProtocolError(f"a plan takes entry {start} of the {self._name} twice")


class Planner:
    """Lays out layer after layer; parameters in the flat order, workspace slots side by side."""

    def __init__(self, inputs: int, batch: int) -> None:
        self._batch = batch
        self._rows: list[Row] = []
        self._parameters, self._workspace = 0, layout.HEAD
        self._width = inputs
        self._source = self._reserve(inputs)
        self._source_gradient = -1  # nobody needs the gradient of the data

    def layer(self, kind: int, outputs: int, geometry: tuple[int, ...] = ()) -> None:
        """Add a layer: its weights in the flat order, then its biases."""
        row = [0] * layout.COLUMNS
        row[layout.KIND], row[layout.INPUTS], row[layout.OUTPUTS] = kind, self._width, outputs
        row[layout.GEOMETRY : layout.GEOMETRY + len(geometry)] = geometry
        extent = extents(row, self._batch)
        row[layout.WEIGHTS] = self._parameters
        row[layout.BIASES] = self._parameters + extent.weights
        self._parameters += extent.weights + extent.biases
        row[layout.SOURCE], row[layout.SOURCE_GRADIENT] = self._source, self._source_gradient
        result = self._reserve(outputs)
        gradient = -1 if _rounds_data(row) else self._reserve(outputs)
        row[layout.RESULT], row[layout.RESULT_GRADIENT] = result, gradient
        row[layout.SCRATCH] = self._reserve_once(extent.scratch)
        self._rows.append(row)
        self._width, self._source, self._source_gradient = outputs, result, gradient

    def finish(self, loss: int) -> Plan:
        """Add the loss, and check."""
        targets = target_width(loss, self._width)
        truth, value = self._reserve(targets), self._reserve(1)
        row = [loss, self._width, targets, -1, -1, self._source, truth]
        row += [self._source_gradient, -1, value]
        row += [0] * (layout.COLUMNS - layout.GEOMETRY)
        if any(layer[layout.KIND] == layout.FAKE_QUANTISE for layer in self._rows):
            row[layout.ROUNDED] = self._reserve_once(self._parameters)
        self._rows.append(row)
        return Plan(
            table=np.array(self._rows, dtype=np.int64),
            batch=self._batch,
            parameters=self._parameters,
            workspace=self._workspace,
        )

    def _reserve(self, width: int) -> int:
        return self._reserve_once(self._batch * width)

    def _reserve_once(self, length: int) -> int:
        start = self._workspace
        self._workspace += -(-length // LINE) * LINE
        return start
