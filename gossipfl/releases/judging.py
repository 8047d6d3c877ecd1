"""Whether a release is worse than what a node has, by the node's own held-back readings."""

import math
from typing import Final

from attrs import frozen

from gossipfl.learning.learner import Evaluation

CHANGE_MAX: Final = 1.0


@frozen
class Opinion:
    """One node's.

    change: of the accuracy, -1 to 1; of a regression, how much of the loss is gone, cut to -1 to 1.
    """

    worse: bool
    change: float


def judge(before: Evaluation, after: Evaluation, tolerance: int) -> Opinion | None:
    """What `after`, the release, is worth beside `before`; None where no rows are held back.

    tolerance: thousandths that the change may lie below 0, beside what chance alone does to
        accuracies of so few rows.
    """
    if not after.samples:
        return None
    change = min(max(_change(before, after), -CHANGE_MAX), CHANGE_MAX)
    return Opinion(change < -tolerance / 1000 - _chance(before, after), change)


def _change(before: Evaluation, after: Evaluation) -> float:
    if not math.isfinite(after.loss):
        return -CHANGE_MAX
    if not math.isfinite(before.loss):
        return CHANGE_MAX
    if before.accuracy is not None and after.accuracy is not None:
        return after.accuracy - before.accuracy
    return (before.loss - after.loss) / before.loss if before.loss > 0 else -after.loss


def _chance(before: Evaluation, after: Evaluation) -> float:
    """The standard error of a difference of two accuracies; 0 for a regression.

    As if both had been found on rows of their own, which is never less than on the same rows as
    long as both mostly err on the same ones.
    """
    if before.accuracy is None or after.accuracy is None:
        return 0.0
    shares = before.accuracy, after.accuracy
    return math.sqrt(sum(share * (1 - share) for share in shares) / after.samples)
