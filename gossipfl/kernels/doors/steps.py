"""Whole training steps in one call.  `gossipfl.learning.execution` validates what they are given,
for no kernel checks ranges.

A `program` is what `kinds.program` makes of a plan.
"""

from typing import Any

from gossipfl.kernels.doors import checked, complaint
from gossipfl.kernels.native import Kernel
from gossipfl.kernels.signatures import MISTAKEN, RUN_FORWARD, RUN_GRADIENT, RUN_STEPS

RUN_STEPS_KERNEL = Kernel("steps.run_steps", RUN_STEPS)
RUN_GRADIENT_KERNEL = Kernel("steps.run_gradient", RUN_GRADIENT)
RUN_FORWARD_KERNEL = Kernel("steps.run_forward", RUN_FORWARD)


def run_steps(
    program: Any,
    settings: Any,
    clock: int,
    seed: int,
    given: Any,
    data: Any,
    batches: Any,
    memory: Any,
    results: Any,
) -> float:
    """One step per row of `batches`; returns the mean loss.

    settings: f64[steps, SETTINGS]; clock: number of the first step; seed: the node's; given:
    (parameters f32[d], where the round began f32[d], correction f32[d], moments f32[k, d], what the
    optimizer knows); data: (features f32[n, inputs], targets f32[n, targets]); batches: i64[steps,
    batch] rows; memory: (f32[VECTORS, d], workspace f32[as planned]); results: room for
    (parameters, moments, f64[1] for the sum of their squares).  A loss of -1 and nothing else when
    settings or batches cannot be used.
    """
    loss: float = RUN_STEPS_KERNEL.call(
        *program, settings, clock, seed, *given, *data, batches, *memory, *results
    )
    if loss <= MISTAKEN:
        raise complaint(loss, "run_steps")
    return loss


def run_gradient(program: Any, vectors: Any, workspace: Any, batch: int) -> float:
    """The loss of the batch that lies in the workspace, and its gradient into `vectors`."""
    loss: float = RUN_GRADIENT_KERNEL.call(*program, vectors, workspace, batch)
    if loss <= MISTAKEN:
        raise complaint(loss, "run_gradient")
    return loss


def run_forward(program: Any, parameters: Any, workspace: Any, batch: int) -> None:
    """The outputs of the `batch` inputs that lie in the workspace."""
    found = RUN_FORWARD_KERNEL.call(*program, parameters, workspace, batch)
    checked(found, "run_forward")
