"""Simulations as tasks of a Ray cluster.

Ray moves cases to its machines in its own way, which only members of one cluster can use on each
other; what comes back are the same lines of JSON as from processes.  Every machine has gossipfl
installed, in the same version.
"""

import os
from collections.abc import Sequence
from typing import Any, Final

from gossipfl.errors import ConfigError, StateError
from gossipfl.node.simulations.extras import load_extra
from gossipfl.node.simulations.study import Case
from gossipfl.node.simulations.telling import tell

CRASHED: Final = "a simulation's task ended early: {}; see Ray's log, or use fewer --workers"

Task = Any  # Ray's generator of references to what the task yields


class RayCluster:
    """The engine of a cluster's cores.

    address: of Ray: "auto" for the cluster that this machine is part of, HOST:PORT for that of
        another machine, "local" for one that is started here and ends with the `with` block.
    Raises ConfigError when there is no such cluster, or no Ray.
    """

    def __init__(self, address: str) -> None:
        # A cluster that is started here tells nobody of it.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        self._ray = load_extra("ray", "ray")
        self._address = address

    def __enter__(self) -> "RayCluster":
        started = {"include_dashboard": False} if self._address == "local" else {}
        try:
            self._ray.init(address=self._address, log_to_driver=False, **started)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise ConfigError(
                f"no Ray cluster at {self._address}: {str(error).splitlines()[0][:200]}"
            ) from None
        self._run = self._ray.remote(num_cpus=1, max_retries=0)(tell)
        return self

    def __exit__(self, *_: object) -> None:
        self._ray.shutdown()

    @property
    def cores(self) -> int:
        """Of all its machines."""
        return max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    def start(self, case: Case) -> Task:
        """A task that is not tried again: what it has told would be told twice."""
        return self._run.remote(case)

    def wait(self, handles: Sequence[Task]) -> Sequence[Task]:
        """As of any engine."""
        ready, _ = self._ray.wait(list(handles), num_returns=1, fetch_local=False)
        return list(ready)

    def receive(self, handle: Task) -> bytes:
        """As of any engine."""
        try:
            message: bytes = self._ray.get(next(handle))
        except (self._ray.exceptions.RayError, StopIteration) as error:
            raise StateError(CRASHED.format(type(error).__name__)) from None
        return message

    def stop(self, handle: Task) -> None:
        """As of any engine."""
        self._ray.cancel(handle)
