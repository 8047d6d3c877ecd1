"""Memory of the coordinator while it adds up a round of few and of many updates."""

import tracemalloc

import numpy as np
from figures import Figures, progress

from gossipfl.central.coordinator import Coordinator
from gossipfl.central.settings import CoordinatorSettings
from gossipfl.compression.delta import Delta

PARAMETERS = 2410


def measure(figures: Figures, quick: bool) -> None:
    """Bytes that a round's updates leave behind until it is closed, clients' own entries apart."""
    few, many = (_aggregator_bytes(count) for count in (10, 1000))
    progress(f"a round of 10 updates holds {few:,} bytes, one of 1,000 {many:,}")
    figures.add("aggregator-growth", many / few, "times", "<=", 1.1)


def _aggregator_bytes(clients: int) -> int:
    rng = np.random.default_rng(0)
    coordinator = Coordinator(CoordinatorSettings(), PARAMETERS, rng)
    names = [number.to_bytes(32, "big") for number in range(clients)]
    for name in names:
        coordinator.join(name, 100)
    tracemalloc.start()
    for name in names:
        indices = np.sort(rng.permutation(PARAMETERS)[:482]).astype(np.int32)
        values = rng.normal(size=482).astype(np.float32)
        coordinator.take(name, 2, 100, Delta(indices, values, PARAMETERS), 0.0)
    # Of numbers alone: names of those who wait for their answer are no part of the sum.
    arrays = tracemalloc.take_snapshot().filter_traces(
        [tracemalloc.DomainFilter(True, np.lib.tracemalloc_domain)]
    )
    tracemalloc.stop()
    held = sum(trace.size for trace in arrays.traces)
    coordinator.close()
    return held + 8 * PARAMETERS  # the sum itself was there before
