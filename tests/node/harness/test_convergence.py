"""When a swarm stops."""

from types import SimpleNamespace
from typing import Any

from gossipfl.node.harness.convergence import PATIENCE_ROUNDS, Convergence


def looks(rounds: int, loss: float | None, nodes: int = 2) -> Any:
    return [
        SimpleNamespace(status={"rounds": rounds + i, "validation_loss": loss})
        for i in range(nodes)
    ]


def test_it_goes_on_while_it_gets_better() -> None:
    watch = Convergence(rounds_min=10, rounds_max=10_000)
    assert not any(watch.reached(looks(r, 1 / (1 + r))) for r in range(1, 500))


def test_it_stops_when_nothing_improves_for_a_while() -> None:
    watch = Convergence(rounds_min=10, rounds_max=10_000)
    stopped = next(r for r in range(1, 500) if watch.reached(looks(r, 1.0)))
    assert stopped == 1 + PATIENCE_ROUNDS


def test_it_never_stops_before_its_minimum_nor_after_its_maximum() -> None:
    watch = Convergence(rounds_min=200, rounds_max=300)
    assert next(r for r in range(1, 500) if watch.reached(looks(r, 1.0))) == 200
    falling = Convergence(rounds_min=200, rounds_max=300)
    assert next(r for r in range(1, 500) if falling.reached(looks(r, 1 / r**2))) == 300


def test_the_slowest_node_counts_and_unjudged_nodes_do_not_matter() -> None:
    watch = Convergence(rounds_min=5, rounds_max=7)
    assert not watch.reached(looks(6, None, nodes=3))
    assert watch.reached(looks(7, None, nodes=3))
