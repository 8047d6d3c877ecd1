"""How much room each kind of layer needs: what a Plan is checked against.

A kind's function refuses every row that its kernels could not follow; see `layout` for the columns.
"""

import math
from collections.abc import Callable
from typing import Final

import attrs

from gossipfl.errors import LocalProtocolError
from gossipfl.kernels import layout

Row = list[int]


@attrs.frozen
class Extent:
    """Entries of weights, of biases, and of scratch."""

    weights: int = 0
    biases: int = 0
    scratch: int = 0


class Unfit(Exception):
    """A row of no such layer."""


def extents(row: Row, batch: int) -> Extent:
    """What the layer of this row needs.  Raises LocalProtocolError when there is no such layer."""
    kind = row[layout.KIND]
    try:
        return _EXTENTS[kind](row, batch)
    except (KeyError, Unfit):
        given = (row[layout.INPUTS], row[layout.OUTPUTS], row[layout.GEOMETRY :])
        raise LocalProtocolError(f"no layer of kind {kind} has the sizes {given}") from None


def _dense(row: Row, batch: int) -> Extent:
    _no_geometry(row, 1)
    inputs, outputs = (_share(row[c], row[layout.COUNT]) for c in (layout.INPUTS, layout.OUTPUTS))
    weights = inputs * outputs
    return Extent(weights, outputs, weights if row[layout.COUNT] > 1 else 0)


def _elementwise(row: Row, batch: int) -> Extent:
    _same_size(row)
    _no_geometry(row, 0)
    return Extent()


def _layer_norm(row: Row, batch: int) -> Extent:
    _same_size(row)
    _no_geometry(row, 0)
    inputs = row[layout.INPUTS]
    return Extent(inputs, inputs, batch * (inputs + 1))


def _dropout(row: Row, batch: int) -> Extent:
    _same_size(row)
    _no_geometry(row, 1)
    if not 0 <= row[layout.THRESHOLD] < 1 << 32:
        raise Unfit
    return Extent(scratch=-(-batch * row[layout.INPUTS] // 4) * 4)


def _fake_quantise(row: Row, batch: int) -> Extent:
    _same_size(row)
    _no_geometry(row, 1)
    if row[layout.SIGNED] not in (0, 1):
        raise Unfit
    return Extent(weights=1, scratch=1)


def _positions(row: Row, batch: int) -> Extent:
    _same_size(row)
    _no_geometry(row, 0)
    return Extent(row[layout.INPUTS])


def _transformer(row: Row, batch: int) -> Extent:
    _same_size(row)
    _no_geometry(row, 3)
    times, heads, hidden = row[layout.TIMES], row[layout.HEADS], row[layout.HIDDEN]
    width = _share(row[layout.INPUTS], times)
    _share(width, heads)
    if hidden < 1:
        raise Unfit
    count, weights = batch * times, width * (4 * width + 2 * hidden)
    saved = count * (8 * width + 2 + hidden + heads * times)
    forward = weights + width * times
    backward = count * (width + max(hidden, 3 * width)) + times * (width + times)
    return Extent(weights, 6 * width + hidden, saved + max(forward, backward))


def _convolution(row: Row, batch: int) -> Extent:
    sides, kernel, out = (
        _pair(row, layout.HEIGHT),
        _pair(row, layout.KERNEL_HEIGHT),
        _pair(row, layout.OUT_HEIGHT),
    )
    stride = row[layout.STRIDE]
    _no_geometry(row, 7)
    channels, filters = _whole(row[layout.INPUTS], sides), _whole(row[layout.OUTPUTS], out)
    if stride < 1:
        raise Unfit
    padded = [
        max(size, (places - 1) * stride + side)
        for size, side, places in zip(sides, kernel, out, strict=True)
    ]
    taps = math.prod(kernel) * channels
    listed = max(math.prod(out), math.prod(sides))
    listed += 2 * math.prod(kernel) * max(channels, filters)
    overhung = [size + side - 1 for size, side in zip(padded, kernel, strict=True)]
    image, errors = math.prod(padded) * channels, math.prod(overhung) * filters
    scratch = 2 * listed + image + errors + 4 * taps * filters
    return Extent(taps * filters, filters, scratch)


def _pool(row: Row, batch: int) -> Extent:
    sides, kernel = _pair(row, layout.HEIGHT), _pair(row, layout.KERNEL_HEIGHT)
    _no_geometry(row, 4)
    places = [size // side for size, side in zip(sides, kernel, strict=True)]
    if row[layout.OUTPUTS] != math.prod(places) * _whole(row[layout.INPUTS], sides):
        raise Unfit
    return Extent()


def _group_norm(row: Row, batch: int) -> Extent:
    _same_size(row)
    _no_geometry(row, 2)
    channels, groups = row[layout.CHANNELS], row[layout.GROUPS]
    if min(channels, groups) < 1 or row[layout.INPUTS] % channels or channels % groups:
        raise Unfit
    return Extent(channels, channels, (2 * batch + 3) * channels)


def _recurrent(per_step: int, fixed: int, gates: int, scalars: int) -> "Rule":
    """Of [batch, outputs] blocks of scratch per time step and beside; pairs of weight matrices."""

    def extent(row: Row, batch: int) -> Extent:
        inputs, outputs, times = row[layout.INPUTS], row[layout.OUTPUTS], row[layout.TIMES]
        _no_geometry(row, 1)
        weights = gates * outputs * (_share(inputs, times) + outputs)
        biases = max(2, 2 * gates) * outputs + scalars
        scratch = batch * outputs * (per_step * times + fixed) + weights
        return Extent(weights, biases, scratch)

    return extent


def _share(entries: int, parts: int) -> int:
    """Entries of each part."""
    if parts < 1 or entries % parts:
        raise Unfit
    return entries // parts


def _pair(row: Row, column: int) -> Row:
    """Two sides."""
    sides = row[column : column + 2]
    if min(sides) < 1:
        raise Unfit
    return sides


def _whole(entries: int, sides: Row) -> int:
    """Entries at each position."""
    if entries % math.prod(sides):
        raise Unfit
    return entries // math.prod(sides)


def _same_size(row: Row) -> None:
    if row[layout.INPUTS] != row[layout.OUTPUTS]:
        raise Unfit


def _no_geometry(row: Row, used: int) -> None:
    if any(row[layout.GEOMETRY + used :]):
        raise Unfit


Rule = Callable[[Row, int], Extent]

_EXTENTS: Final[dict[int, Rule]] = {
    layout.DENSE: _dense,
    layout.RELU: _elementwise,
    layout.TANH: _elementwise,
    layout.SIGMOID: _elementwise,
    layout.LAYER_NORM: _layer_norm,
    layout.DROPOUT: _dropout,
    layout.POSITIONS: _positions,
    layout.FAKE_QUANTISE: _fake_quantise,
    layout.TRANSFORMER: _transformer,
    layout.GRU: _recurrent(per_step=5, fixed=9, gates=3, scalars=0),
    layout.CONVOLUTION: _convolution,
    layout.MAX_POOL: _pool,
    layout.AVERAGE_POOL: _pool,
    layout.GROUP_NORM: _group_norm,
    layout.FASTGRNN: _recurrent(per_step=3, fixed=8, gates=1, scalars=2),
}
