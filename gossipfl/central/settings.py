"""How a seed coordinates: every field is a flag of `gossipfl seed` and a key of its TOML file."""

from typing import Any

from attrs import field, frozen
from attrs.validators import ge, gt, in_, le

from gossipfl.central.optimizers import NAMES, Name
from gossipfl.central.rules import RULES, RuleName


def _check_rule(_: object, __: object, value: str) -> None:
    RuleName(value)


def _setting(default: Any, help: str, *validators: Any) -> Any:
    return field(default=default, validator=list(validators), metadata={"help": help})


@frozen(kw_only=True)
class CoordinatorSettings:
    """Of rounds, unless `buffer` is given: then of updates as they come.

    That is FedBuff (Nguyen et al. 2022, arXiv:2106.06639).  Raises ValueError, or
    ConfigError for a rule that is none.
    """

    rule: str = _setting("mean", f"What updates come to: {RULES}.", _check_rule)
    optimizer: Name = _setting(  # noqa: RUF009
        "average", f"What the model makes of that: {', '.join(NAMES)}.", in_(NAMES)
    )
    learning_rate: float = _setting(
        1.0, "How far; 1 is plain averaging, adam and yogi take about 0.01.", gt(0), le(100)
    )
    tau: float = _setting(
        0.001, "Caution of adam and yogi with entries that hardly move.", gt(0), le(1)
    )
    clip_norm: float = _setting(
        0.0, "Longest update that counts as it is; longer ones are cut to it; 0: any.", ge(0)
    )
    cohort: int = _setting(
        0, "Updates that end a round; 0: those of all who have this round's model.", ge(0)
    )
    over_selection: float = _setting(
        0.3, "With a cohort: share of further clients that are given the model.", ge(0), le(10)
    )
    quorum: float = _setting(
        0.5, "Share of a round's updates that suffices when its time is up.", gt(0), le(1)
    )
    deadline_s: float = _setting(
        30.0, "Seconds from a round's first update until its time is up.", gt(0)
    )
    buffer: int = _setting(
        0, "Updates that make a step, each answered at once (FedBuff); 0: rounds.", ge(0)
    )
    staleness_max: int = _setting(
        20, "Rounds by which the model that an update began from may be old.", ge(0)
    )
    samples_max: int = _setting(10_000_000, "More samples than that nobody has.", ge(1))
    clients_max: int = _setting(
        1024, "Clients to have links with, and to know.", ge(1), le(100_000)
    )
