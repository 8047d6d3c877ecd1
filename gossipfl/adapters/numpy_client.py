"""A client with fit, evaluate and get_parameters on lists of arrays, as Flower's NumPyClient.

Flower itself is not needed: whatever has these methods will do.
https://flower.ai/docs/framework/ref-api/flwr.client.NumPyClient.html
"""

from typing import Any

from gossipfl.adapters.arrays import Array
from gossipfl.adapters.learner import Trained
from gossipfl.adapters.loading import make
from gossipfl.adapters.metrics import count, evaluation, loss_in
from gossipfl.adapters.surroundings import NodeContext
from gossipfl.errors import ConfigError, TrainingFailed
from gossipfl.learning.learner import Evaluation


class NumPyModel:
    """One client, which keeps what it likes between calls."""

    def __init__(self, source: object, context: NodeContext) -> None:
        """source: a client, its class, or a function that makes it.  Raises ConfigError."""
        client: Any = source
        if isinstance(source, type) or not hasattr(source, "fit"):
            if not callable(source):
                raise ConfigError(f"--numpy-client names a {type(source).__name__}, not a client")
            client = make(source, context)
        # client_fn functions end in .to_client(), which wraps the client that we want.
        self._client = getattr(client, "numpy_client", client)
        for method in ("fit", "evaluate", "get_parameters"):
            if not callable(getattr(self._client, method, None)):
                raise ConfigError(f"the {type(self._client).__name__} has no method {method}")
        self._run_config = context.run_config
        self._round = 0

    def initial_arrays(self) -> dict[str, Any]:
        """What the client starts from."""
        arrays = self._client.get_parameters({})
        return {str(place): array for place, array in enumerate(arrays)}

    def train(self, arrays: list[Array]) -> Trained:
        """client.fit"""
        self._round += 1
        parameters, samples, metrics = self._parts(self._client.fit(arrays, self._config()))
        return Trained(arrays=list(parameters), samples=count(samples), loss=loss_in(metrics))

    def evaluate(self, arrays: list[Array]) -> Evaluation:
        """client.evaluate"""
        loss, samples, metrics = self._parts(self._client.evaluate(arrays, self._config()))
        return evaluation(metrics, float(loss), count(samples))

    def _config(self) -> dict[str, Any]:
        return {**self._run_config, "server_round": self._round}

    @staticmethod
    def _parts(result: Any) -> tuple[Any, Any, dict[str, Any]]:
        if not isinstance(result, tuple) or len(result) != 3 or not isinstance(result[2], dict):
            raise TrainingFailed("the client returned no (value, number of rows, metrics)")
        return result
