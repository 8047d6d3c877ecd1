"""A PyTorch module and a function that trains it.

PyTorch is not imported before the app imports it: only state_dict and load_state_dict are used.
https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html
"""

import math
from collections.abc import Callable
from typing import Any

from attrs import frozen

from gossipfl.adapters.arrays import Array
from gossipfl.adapters.learner import Trained
from gossipfl.errors import ConfigError
from gossipfl.learning.learner import Evaluation


@frozen(kw_only=True, eq=False)
class ModuleTask:
    """What a factory returns.

    module: torch.nn.Module.  samples: rows that `train` sees.
    train: trains the module in place for one round and returns the mean loss, or None.
    evaluate: (loss, accuracy or None, rows) on rows held back, if any.
    """

    module: Any
    samples: int
    train: Callable[[Any], float | None]
    evaluate: Callable[[Any], tuple[float, float | None, int]] | None = None


class ModuleModel:
    """One module.  Its optimizer's state stays in this process and is not stored."""

    def __init__(self, task: object) -> None:
        """Raises ConfigError for anything but a ModuleTask."""
        if not isinstance(task, ModuleTask) or not hasattr(task.module, "state_dict"):
            raise ConfigError(
                f"the factory returned a {type(task).__name__}, not a "
                "ModuleTask(module=..., samples=..., train=...)"
            )
        self._task = task
        self._names = list(task.module.state_dict())

    def initial_arrays(self) -> dict[str, Any]:
        """The module as its class initialises it."""
        return module_arrays(self._task.module)

    def train(self, arrays: list[Array]) -> Trained:
        """task.train on the module with these arrays."""
        self._write(arrays)
        self._task.module.train()
        loss = self._task.train(self._task.module)
        returned = list(module_arrays(self._task.module).values())
        return Trained(
            arrays=returned,
            samples=self._task.samples,
            loss=math.nan if loss is None else float(loss),
        )

    def evaluate(self, arrays: list[Array]) -> Evaluation:
        """task.evaluate on the module with these arrays; no samples when there is none."""
        if self._task.evaluate is None:
            return Evaluation(loss=0.0, accuracy=None, error=None, samples=0)
        self._write(arrays)
        self._task.module.eval()
        loss, accuracy, samples = self._task.evaluate(self._task.module)
        return Evaluation(loss=float(loss), accuracy=accuracy, error=None, samples=int(samples))

    def _write(self, arrays: list[Array]) -> None:
        import torch

        named = zip(self._names, arrays, strict=True)
        self._task.module.load_state_dict({name: torch.from_numpy(a) for name, a in named})


def module_arrays(module: Any) -> dict[str, Any]:
    """The state_dict as NumPy arrays of their own, by name."""
    state = module.state_dict()
    return {name: tensor.detach().cpu().numpy().copy() for name, tensor in state.items()}
