"""All that is worth knowing about one topology, in one record."""

from typing import Final

from attrs import frozen

from gossipfl.topologies.links import listeners
from gossipfl.topologies.mixing import Mixing
from gossipfl.topologies.resilience import (
    after_random_failures,
    after_targeted_failures,
    resistance,
    rounds_to_hear,
    union,
)

FAILURES: Final = (0.1, 0.3, 0.5)


@frozen(kw_only=True)
class Summary:
    """Measures over a window of rounds; see Mixing.

    period: 1 for one graph that stays, 0 for rounds that are drawn by chance.
    peers_min, peers_mean, peers_max: of a node, over the window.
    sends_mean, sends_max: of a node in one round.
    hears_all: rounds until everybody has heard of everybody: the diameter of a graph that stays.
    gap: see Mixing.gap.
    rounds, sent: rounds until the wanted share of disagreement is left, and whole models that a
        node has sent on average until then.
    resistance: mean effective resistance of the mean mixing matrix.
    random, targeted: largest component of what is left after shares of FAILURES failed.
    """

    nodes: int
    period: int
    peers_min: int
    peers_mean: float
    peers_max: int
    sends_mean: float
    sends_max: int
    hears_all: float
    gap: float
    rounds: float
    sent: float
    resistance: float
    random: tuple[float, ...]
    targeted: tuple[float, ...]


def summarise(mixing: Mixing, share: float) -> Summary:
    """Measure all; `share`: of the disagreement that counts as consensus.

    Raises ConfigError for weights that do not suit the topology.
    """
    graph = union(mixing)
    peers = [len(row) for row in graph]
    sends = [
        len(takers)
        for epoch in range(mixing.window)
        for takers in listeners([list(row) for row in mixing.rows(epoch)])
    ]
    sends_mean, rounds = sum(sends) / len(sends), mixing.rounds_to(share)
    return Summary(
        nodes=mixing.size,
        period=mixing.period,
        peers_min=min(peers),
        peers_mean=sum(peers) / len(peers),
        peers_max=max(peers),
        sends_mean=sends_mean,
        sends_max=max(sends),
        hears_all=rounds_to_hear(mixing),
        gap=mixing.gap(),
        rounds=rounds,
        sent=rounds * sends_mean,
        resistance=resistance(mixing),
        random=tuple(after_random_failures(graph, failing) for failing in FAILURES),
        targeted=tuple(after_targeted_failures(graph, failing) for failing in FAILURES),
    )
