"""How a seed coordinates."""

import attrs
from attrs.validators import ge, gt, in_, le

from gossipfl.central.optimizers import NAMES, Name
from gossipfl.central.rules import RuleName


def _check_rule(_: object, __: object, value: str) -> None:
    RuleName(value)


@attrs.frozen(kw_only=True)
class CoordinatorSettings:
    """Of rounds, unless `buffer` is given: then of updates as they come.

    rule: what the updates of a round come to; see `RuleName`.
    optimizer, learning_rate, tau: what the model makes of that; see `ServerOptimizer`.
    clip_norm: longest update that counts as it is; longer ones are cut to it; 0: any.
    cohort: updates that end a round; 0: those of all who were given this round's model.
    over_selection: share of further clients that are given it, since some will be late.
    quorum: share of a round's updates that suffices when its time is up.
    deadline_s: seconds from a round's first update until its time is up.
    buffer: updates that make a step, without rounds (FedBuff, arXiv:2106.06639); 0: rounds.
    staleness_max: rounds by which the model that an update began from may be old.
    samples_max: more than that nobody has.
    clients_max: clients to know; the one that was silent for longest makes room.
    """

    rule: str = attrs.field(default="mean", validator=_check_rule)
    optimizer: Name = attrs.field(default="average", validator=in_(NAMES))
    learning_rate: float = attrs.field(default=1.0, validator=[gt(0), le(100)])
    tau: float = attrs.field(default=0.001, validator=[gt(0), le(1)])
    clip_norm: float = attrs.field(default=0.0, validator=ge(0))
    cohort: int = attrs.field(default=0, validator=ge(0))
    over_selection: float = attrs.field(default=0.3, validator=[ge(0), le(10)])
    quorum: float = attrs.field(default=0.5, validator=[gt(0), le(1)])
    deadline_s: float = attrs.field(default=30.0, validator=gt(0))
    buffer: int = attrs.field(default=0, validator=ge(0))
    staleness_max: int = attrs.field(default=20, validator=ge(0))
    samples_max: int = attrs.field(default=10_000_000, validator=ge(1))
    clients_max: int = attrs.field(default=1024, validator=[ge(1), le(100_000)])
