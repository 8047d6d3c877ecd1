"""What a model loses when it runs in 8-bit integers, and what it gains."""

from typing import Any

import attrs

from gossipfl.data.dataset import Dataset
from gossipfl.trained import TrainedModel, UsableModel


@attrs.frozen(kw_only=True)
class Rounding:
    """One task, three models: trained without rounding; with it, in float32; that one in int8.

    scores: of their reports, in this order.  float_bytes, int8_bytes: of what was learnt.
    samples: rows that judged them.
    """

    scores: tuple[float, float, float]
    float_bytes: int
    int8_bytes: int
    samples: int

    @property
    def cost(self) -> float:
        """What int8 costs, in hundredths of a score; negative where it helps."""
        return 100 * (self.scores[0] - self.scores[2])

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "samples": self.samples,
            "score": dict(zip(("float32", "rounded", "int8"), self.scores, strict=True)),
            "cost_points": self.cost,
            "bytes": {"float32": self.float_bytes, "int8": self.int8_bytes},
        }


def compare(plain: TrainedModel, rounded: TrainedModel, readings: Dataset) -> Rounding:
    """Judge all three on the same readings.  Raises DataError."""
    integers = rounded.integers()
    models: tuple[UsableModel, ...] = (plain, rounded, integers)
    first, second, third = (model.judge(readings).score for model in models)
    return Rounding(
        scores=(first, second, third),
        float_bytes=plain.size,
        int8_bytes=integers.size,
        samples=len(readings),
    )
