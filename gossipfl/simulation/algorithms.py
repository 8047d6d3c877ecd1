"""Baselines by name, as experiments and the command line write them."""

import math
from collections.abc import Callable
from typing import Final

from gossipfl.compression import Codec
from gossipfl.errors import ConfigError
from gossipfl.manifest import Manifest
from gossipfl.simulation.baselines.choco import Choco
from gossipfl.simulation.baselines.deepsqueeze import DeepSqueeze
from gossipfl.simulation.baselines.dpsgd import DPSGD
from gossipfl.simulation.baselines.epidemic import Epidemic
from gossipfl.simulation.baselines.fedavg import FedAvg
from gossipfl.simulation.baselines.hegedus import Hegedus, Partitioned, Subsample
from gossipfl.simulation.baselines.ormandi import Ormandi
from gossipfl.simulation.baselines.push_sum import PushSum
from gossipfl.simulation.baselines.quasi_global import QuasiGlobal
from gossipfl.simulation.baselines.sign import SignCodec
from gossipfl.simulation.baselines.tokens import TokenAccounts
from gossipfl.simulation.remembering import RememberingCodec
from gossipfl.simulation.world import Algorithm

Make = Callable[[Manifest, float], Algorithm]

PLAIN: Final[dict[str, Callable[[], Algorithm]]] = {
    "fedavg": FedAvg,
    "dpsgd": DPSGD,
    "push-sum": PushSum,
}
# Name -> how to make it with a number, and the number unless another is given.
TUNED: Final[dict[str, tuple[Make, float]]] = {
    "choco": (lambda manifest, step: Choco(_codec(manifest), step), 0.1),
    "choco-sign": (lambda manifest, step: Choco(_signs(manifest), step), 0.5),
    "deepsqueeze": (lambda manifest, step: DeepSqueeze(_codec(manifest), step), 0.1),
    "el-local": (lambda _, fanout: Epidemic(int(fanout), oracle=False), 4),
    "el-oracle": (lambda _, fanout: Epidemic(int(fanout), oracle=True), 4),
    "hegedus": (lambda _, share: Hegedus(Subsample(share)), 1),
    "hegedus-parts": (lambda _, parts: Hegedus(Partitioned(int(parts))), 10),
    "hegedus-tokens": (lambda _, share: TokenAccounts(Subsample(share)), 1),
    "hegedus-tokens-parts": (lambda _, parts: TokenAccounts(Partitioned(int(parts))), 10),
    "ormandi": (lambda _, regularisation: Ormandi(regularisation), 1e-4),
    "quasi-global": (lambda _, momentum: QuasiGlobal(momentum), 0.9),
}
HELP: Final = (
    "fedavg, dpsgd, quasi-global[:MOMENTUM], push-sum, choco[:STEP], choco-sign[:STEP], "
    "deepsqueeze[:STEP], "
    "el-local[:FANOUT], el-oracle[:FANOUT], hegedus[:SHARE], hegedus-parts[:PARTS], "
    "hegedus-tokens[:SHARE], hegedus-tokens-parts[:PARTS] or ormandi[:LAMBDA]"
)


def make_baseline(text: str, manifest: Manifest) -> Algorithm:
    """The algorithm that `text` names, one of HELP.  Raises ConfigError."""
    if text in PLAIN:
        return PLAIN[text]()
    name, colon, number = text.partition(":")
    if name not in TUNED:
        raise ConfigError(f"algorithm {text[:40]!r} is unknown: write gossip, {HELP}")
    make, default = TUNED[name]
    return make(manifest, _number(text, number) if colon else default)


def _number(text: str, number: str) -> float:
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ConfigError(f"algorithm {text[:40]!r}: a number goes behind the colon")
    return value


def _codec(manifest: Manifest) -> Codec:
    return RememberingCodec(manifest.make_codec())


def _signs(manifest: Manifest) -> Codec:
    return RememberingCodec(SignCodec(manifest.parameters, manifest.ranges))
