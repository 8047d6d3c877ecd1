"""The rows of the tables.

What is a scheme's own was chosen by kilobytes to target on validation rows, with seeds of its own
(--tune prints the grid); nothing here was chosen on test rows.
"""

from typing import Any

from attrs import field, frozen

from gossipfl.gossip.allowance import Limits

KEEP = 0.01
BASIS = "dct2:28x28:64"
BASIS_KEEP = 0.03


@frozen
class Scheme:
    """One row of a table.

    settings: changes of the manifest.  world: changes of the experiment.
    compressed: whether it leaves anything out of its messages.
    """

    name: str
    algorithm: str = "gossip"
    compressed: bool = False
    settings: dict[str, Any] = field(factory=dict)
    world: dict[str, Any] = field(factory=dict)

    @property
    def is_ours(self) -> bool:
        """Whether this is the scheme that the product uses."""
        return self.algorithm == "gossip" and self.settings.get("scheme") != "plain"


FEDAVG = Scheme("FedAvg, both ways", "fedavg")
PLAIN = Scheme("pairwise gossip", settings={"scheme": "plain"})


def anchored(keep_ratio: float) -> Scheme:
    """Ours."""
    return Scheme(f"anchored, {keep_ratio:.1%}", "gossip", True, {"keep_ratio": keep_ratio})


def limited(most: int) -> Scheme:
    """Ours under a limit on messages."""
    settings, world = {"keep_ratio": KEEP}, {"limits": Limits(max_message_bytes=most)}
    return Scheme(f"anchored, at most {most} bytes", "gossip", True, settings, world)


IN_BASIS = Scheme(
    f"anchored in {BASIS}", "gossip", True, {"basis": BASIS, "keep_ratio": BASIS_KEEP}
)
PLAIN_IN_BASIS = Scheme(
    f"pairwise gossip in {BASIS}", "gossip", False, {"basis": BASIS, "scheme": "plain"}
)


def uncompressed() -> list[Scheme]:
    """All that send whole models; fanouts are the grid's cheapest, iid and Dirichlet."""
    return [
        PLAIN,
        Scheme("D-PSGD, ring", "dpsgd", world={"topology": "ring"}),
        Scheme("D-PSGD, degree 4", "dpsgd"),
        Scheme("quasi-global momentum, degree 4", "quasi-global:0.5"),
        Scheme("push-sum, exponential", "push-sum"),
        Scheme("gossip learning", "hegedus"),
        Scheme("gossip learning, token accounts", "hegedus-tokens"),
        Scheme("EL-Local, 1", "el-local:1"),
        Scheme("EL-Local, 4", "el-local:4"),
        Scheme("EL-Oracle, 1", "el-oracle:1"),
        Scheme("EL-Oracle, 2", "el-oracle:2"),
    ]


def compressed() -> list[Scheme]:
    """Rivals that send less.  Where settings matter most there are several, and the best counts."""
    return [
        Scheme("gossip learning, 10 % sample", "hegedus:0.1", True),
        Scheme("gossip learning, 2 parts", "hegedus-parts:2", True),
        Scheme("gossip learning, tokens, 10 % sample", "hegedus-tokens:0.1", True),
        _sparse("CHOCO-SGD", "choco", 0.1, 0.4),
        _sparse("CHOCO-SGD", "choco", 0.2, 0.6),
        _sparse("CHOCO-SGD", "choco", 0.2, 0.9),
        _sparse("CHOCO-SGD", "choco", 0.5, 0.9),
        _sparse("DeepSqueeze", "deepsqueeze", 0.2, 0.2),
        _sparse("DeepSqueeze", "deepsqueeze", 0.5, 0.5),
    ]


def _sparse(name: str, algorithm: str, keep_ratio: float, step: float) -> Scheme:
    title = f"{name}, {keep_ratio:.0%}, step {step}"
    return Scheme(title, f"{algorithm}:{step}", True, {"keep_ratio": keep_ratio})


CHOCO_GRID = ((0.02, 0.2), (0.05, 0.2), (0.1, 0.4), (0.1, 0.6), (0.2, 0.6), (0.2, 0.9), (0.5, 0.9))
SQUEEZE_GRID = ((0.05, 0.1), (0.1, 0.1), (0.2, 0.2), (0.5, 0.2), (0.5, 0.5), (1.0, 0.5))


def grid() -> list[Scheme]:
    """What --tune tries; local steps and learning rate are the same for all."""
    return [
        *(_sparse("CHOCO-SGD", "choco", ratio, step) for ratio, step in CHOCO_GRID),
        *(_sparse("DeepSqueeze", "deepsqueeze", ratio, step) for ratio, step in SQUEEZE_GRID),
        *(Scheme(f"EL-Oracle, {s}", f"el-oracle:{s}") for s in (1, 2, 4)),
        *(Scheme(f"EL-Local, {s}", f"el-local:{s}") for s in (1, 2, 4)),
        *(Scheme(f"quasi-global, {m}", f"quasi-global:{m}") for m in (0.3, 0.5, 0.9)),
        *(Scheme(f"gossip learning {s}", f"hegedus:{s}", True) for s in (0.1, 0.25, 0.5)),
        *(Scheme(f"gossip learning {p} parts", f"hegedus-parts:{p}", True) for p in (2, 4, 10)),
        *(Scheme(f"tokens {s}", f"hegedus-tokens:{s}", True) for s in (0.1, 0.25, 0.5, 1)),
        *(anchored(ratio) for ratio in (0.005, 0.01, 0.015, 0.02)),
    ]
