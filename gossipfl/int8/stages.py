"""What a quantised model does in integers, stage by stage; and which arrays that takes."""

import math
from typing import Any

import attrs
import numpy as np

from gossipfl.errors import ConfigError
from gossipfl.kernels import layout
from gossipfl.kernels.fake_quantisation_ref import codes
from gossipfl.models.layers import Bound, FakeQuantise
from gossipfl.models.quantised import quantised
from gossipfl.models.sequential import Sequential

Shape3 = tuple[int, int, int]
Pair = tuple[int, int]


@attrs.frozen(kw_only=True)
class Stage:
    """One layer over an image; windows are one position high, and vectors one high and wide.

    kind: CONVOLUTION (Dense too, with a kernel of one position), MAX_POOL or AVERAGE_POOL.
    image, result: (height, width, channels).  kernel, stride: (down, across).
    codes: least and largest code of the result; None for the last stage, which is not rounded.
    place: of the layer in the model.
    """

    kind: int
    image: Shape3
    kernel: Pair
    stride: Pair
    result: Shape3
    place: int
    codes: Pair | None = None

    @property
    def computes(self) -> bool:
        """Whether it makes sums that are rounded again."""
        return self.kind != layout.MAX_POOL

    @property
    def taps(self) -> int:
        """Codes in each sum."""
        return math.prod(self.kernel) * (self.image[2] if self.kind == layout.CONVOLUTION else 1)

    @property
    def steps(self) -> int:
        """How many steps the sums have: one a filter, or one for all."""
        return self.result[2] if self.kind == layout.CONVOLUTION else 1


@attrs.frozen
class Stages:
    """All of a model.  codes: least and largest of its inputs."""

    codes: Pair
    stages: tuple[Stage, ...]

    def arrays(self) -> list[tuple[str, Any, tuple[int, ...]]]:
        """(name, dtype, shape) of all that is stored, in order; little-endian."""
        found: list[tuple[str, Any, tuple[int, ...]]] = [("step", "<f4", (1,))]
        for number, stage in enumerate(self.stages):
            if stage.kind == layout.CONVOLUTION:
                found.append((f"weights{number}", "i1", (stage.result[2], stage.taps)))
                found.append((f"biases{number}", "<i4", (stage.result[2],)))
            if stage.computes and stage.codes is not None:
                found.append((f"multipliers{number}", "<i4", (stage.steps,)))
                found.append((f"shifts{number}", "u1", (stage.steps,)))
            elif stage.computes:
                found.append((f"steps{number}", "<f4", (stage.steps,)))
        return found


def size_of(arrays: list[tuple[str, Any, tuple[int, ...]]]) -> int:
    """Bytes."""
    return sum(np.dtype(kind).itemsize * math.prod(shape) for _, kind, shape in arrays)


def stages_of(spec: Sequential) -> Stages:
    """Rounding commutes with ReLU and with the largest of several, so all sums are rounded at once.

    Raises ConfigError unless the model is one that `quantised` makes.
    """
    if quantised(x for x in spec.layers if not isinstance(x, FakeQuantise)) != spec.layers:
        raise ConfigError(
            'only models that were trained with quantise = "int8" run in int8: train it anew'
        )
    found: list[Stage] = []
    inputs: Pair | None = None
    shape = spec.shape
    for place, bound in enumerate(spec.bound):
        if bound.kind == layout.FAKE_QUANTISE:
            inputs = _round(found, codes(bound.geometry[0]), inputs)
        elif bound.kind not in (layout.RELU, layout.DROPOUT):
            found.append(stage_of(bound, math.prod(shape), place))
        shape = bound.shape
    assert inputs is not None
    return Stages(inputs, tuple(found))


def _round(stages: list[Stage], given: Pair, inputs: Pair | None) -> Pair:
    """Give the codes to the latest stage that computes; without one, they are the inputs'."""
    for number in reversed(range(len(stages))):
        if stages[number].computes:
            stages[number] = attrs.evolve(stages[number], codes=given)
            break
    return inputs or given


def stage_of(bound: Bound, entries: int, place: int) -> Stage:
    """A layer that computes or pools; entries: of the example that reaches it."""
    if bound.kind == layout.DENSE:
        (count,) = bound.geometry
        image = (1, count, entries // count)
        result = (1, count, math.prod(bound.shape) // count)
        one = (1, 1)
        return Stage(
            kind=layout.CONVOLUTION, image=image, kernel=one, stride=one, result=result, place=place
        )
    height, width, down, across, *rest = bound.geometry
    stride, out = (down, across), (height // down, width // across)
    if bound.kind == layout.CONVOLUTION:
        step, *sides = rest
        stride, out = (step, step), (sides[0], sides[1])
    return Stage(
        kind=bound.kind,
        image=(height, width, entries // (height * width)),
        kernel=(down, across),
        stride=stride,
        result=(*out, math.prod(bound.shape) // math.prod(out)),
        place=place,
    )
