"""What a model is made of and what it costs, layer by layer."""

import attrs

from gossipfl.models.layers import Shape
from gossipfl.models.sequential import Sequential


@attrs.frozen(kw_only=True)
class Line:
    """One layer.

    name: its kind, and its number among the layers that learn, as in Sequential.tensors.
    shape: of one result.
    forward: multiply-adds of one example's forward pass.
    step: multiply-adds of a training step of the whole batch.
    """

    name: str
    shape: Shape
    parameters: int
    forward: int
    step: int

    @property
    def bytes(self) -> int:
        """Of the parameters."""
        return 4 * self.parameters


def summarise(model: Sequential, batch: int) -> tuple[Line, ...]:
    """A line a layer, in training steps of `batch` rows.

    The backward pass is counted as two products for each of the forward pass, for the gradients of
    the weights and of the inputs; the first layer's inputs need none.
    """
    return tuple(
        Line(
            name=name,
            shape=bound.shape,
            parameters=bound.parameters,
            forward=bound.operations,
            step=batch * bound.operations * (3 if place else 2),
        )
        for place, (name, bound) in enumerate(zip(model.names, model.bound, strict=True))
    )


def total(lines: tuple[Line, ...]) -> Line:
    """All layers together; the shape is the last one's."""
    return Line(
        name="total",
        shape=lines[-1].shape,
        parameters=sum(line.parameters for line in lines),
        forward=sum(line.forward for line in lines),
        step=sum(line.step for line in lines),
    )
