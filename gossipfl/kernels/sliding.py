"""How a kernel slides over an image: which sizes follow from a convolution's row, and the lists of
where what it sees starts.

Scratch holds two lists i64, twice as long as positions (or pixels) and taps ask for; the padded
image; the padded errors; four times the room of the filters.
"""

from numba.extending import register_jitable

from gossipfl.kernels.calls import at, integers_at
from gossipfl.kernels.lanes import LANES, move
from gossipfl.kernels.layout import (
    HEIGHT,
    INPUTS,
    KERNEL_HEIGHT,
    KERNEL_WIDTH,
    OUT_HEIGHT,
    OUT_WIDTH,
    OUTPUTS,
    SCRATCH,
    STRIDE,
    WIDTH,
)


@register_jitable
def channels_of(row):
    """Entries of a pixel."""
    return row[INPUTS] // (row[HEIGHT] * row[WIDTH])


@register_jitable
def positions_of(row):
    """Places where the kernel stops."""
    return row[OUT_HEIGHT] * row[OUT_WIDTH]


@register_jitable
def filters_of(row):
    """Entries of a result's position."""
    return row[OUTPUTS] // positions_of(row)


@register_jitable
def positions_at_once(row):
    """2 where that fills a vector better and costs less than twice the taps, else 1."""
    fits = 2 * filters_of(row) <= LANES and row[OUT_WIDTH] % 2 == 0
    return 2 if fits and row[STRIDE] < row[KERNEL_WIDTH] else 1


@register_jitable
def pixels_at_once(row):
    """The same on the way back, where the stride is 1."""
    fits = 2 * channels_of(row) <= LANES and row[WIDTH] % 2 == 0
    return 2 if fits and row[KERNEL_WIDTH] > 1 else 1


@register_jitable
def _padding(row):
    """Rows and columns that are padded, on both sides together."""
    down = (row[OUT_HEIGHT] - 1) * row[STRIDE] + row[KERNEL_HEIGHT] - row[HEIGHT]
    across = (row[OUT_WIDTH] - 1) * row[STRIDE] + row[KERNEL_WIDTH] - row[WIDTH]
    return max(down, 0), max(across, 0)


@register_jitable
def _pitch(row):
    """Entries of a row of the padded image."""
    return (row[WIDTH] + _padding(row)[1]) * channels_of(row)


@register_jitable
def padded(row):
    """Entries of the padded image."""
    return (row[HEIGHT] + _padding(row)[0]) * _pitch(row)


@register_jitable
def _pitch_of_errors(row):
    """Entries of a row of the padded errors, which the whole kernel overhangs."""
    return (row[WIDTH] + _padding(row)[1] + row[KERNEL_WIDTH] - 1) * filters_of(row)


@register_jitable
def padded_errors(row):
    """Entries of the padded errors."""
    return (row[HEIGHT] + _padding(row)[0] + row[KERNEL_HEIGHT] - 1) * _pitch_of_errors(row)


@register_jitable
def scratch(row, workspace):
    """(list for rows of a product, list for its depth, padded image, padded errors, filters)."""
    first = max(positions_of(row), row[HEIGHT] * row[WIDTH])
    kernel_size = row[KERNEL_HEIGHT] * row[KERNEL_WIDTH]
    second = 2 * kernel_size * max(channels_of(row), filters_of(row))
    lists = integers_at(workspace, row[SCRATCH])
    image = at(workspace, row[SCRATCH] + 2 * (first + second))
    errors = at(image, padded(row))
    return lists, at(lists, first), image, errors, at(errors, padded_errors(row))


# What follows reads the plan before its loops: for all that LLVM knows, a store may change it.


@register_jitable
def list_seen(row, starts, places):
    """Where positions start on the padded image, and taps on the kernel; returns how many taps."""
    pitch, channels, stride, pack = (
        _pitch(row),
        channels_of(row),
        row[STRIDE],
        positions_at_once(row),
    )
    shape = (row[OUT_HEIGHT], row[OUT_WIDTH] // pack, 1)
    _list_grid(shape, stride * pitch, pack * stride * channels, starts)
    wide = (row[KERNEL_HEIGHT], row[KERNEL_WIDTH] + (pack - 1) * stride, channels)
    _list_grid(wide, pitch, channels, places)
    return wide[0] * wide[1] * channels


@register_jitable
def list_errors(row, starts, places):
    """Where pixels start on the padded errors, and filters with their taps, the last one first."""
    filters, pitch, (top, left) = filters_of(row), _pitch_of_errors(row), _padding(row)
    pack, height = pixels_at_once(row), row[KERNEL_HEIGHT]
    width = row[KERNEL_WIDTH] + pack - 1
    _list_grid((row[HEIGHT], row[WIDTH] // pack, 1), pitch, pack * filters, starts)
    last = (top // 2 + height - 1) * pitch + (left // 2 + width - 1) * filters
    for f in range(filters):
        out = at(places, f * height * width)
        _list_grid((height, width, 1), -pitch, -filters, out)
        for i in range(height * width):
            out[i] += last + f
    return filters * height * width


@register_jitable
def _list_grid(shape, down, across, out):
    """out[shape] = where each entry lies: rows `down` apart, columns `across`, the rest adjoin."""
    height, width, depth = shape
    for y in range(height):
        for x in range(width):
            for c in range(depth):
                out[(y * width + x) * depth + c] = y * down + x * across + c


@register_jitable
def pad(row, source, image):
    """Copy an image into its padding."""
    channels, pitch, (top, left) = channels_of(row), _pitch(row), _padding(row)
    height, width = row[HEIGHT], row[WIDTH] * channels
    inside = at(image, top // 2 * pitch + left // 2 * channels)
    for y in range(height):
        move(at(source, y * width), at(inside, y * pitch), width)


@register_jitable
def spread(row, source, errors):
    """Copy the errors of an example to where the kernel starts to see their positions."""
    filters, pitch, stride = filters_of(row), _pitch_of_errors(row), row[STRIDE]
    height, width = row[OUT_HEIGHT], row[OUT_WIDTH]
    corner = at(errors, (row[KERNEL_HEIGHT] - 1) * pitch + (row[KERNEL_WIDTH] - 1) * filters)
    # Side by side, positions of a row are one run; further apart, each is one.
    runs, length = (1, width * filters) if stride == 1 else (width, filters)
    for y in range(height):
        for x in range(runs):
            out = at(corner, stride * (y * pitch + x * filters))
            move(at(source, y * width * filters + x * length), out, length)
