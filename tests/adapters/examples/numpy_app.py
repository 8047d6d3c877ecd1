"""A NumPyClient: softmax regression in NumPy.  It would inherit flwr.client.NumPyClient."""

from typing import Any

import numpy as np
from clouds import CLASSES, FEATURES, partition

Arrays = list[np.ndarray]


class Client:
    def __init__(self, number: int, count: int) -> None:
        self.features, self.targets, self.unseen, self.wanted = partition(number, count)

    def get_parameters(self, config: dict[str, Any]) -> Arrays:
        return [np.zeros((FEATURES, CLASSES)), np.zeros(CLASSES)]

    def fit(self, parameters: Arrays, config: dict[str, Any]) -> tuple[Arrays, int, dict]:
        weights, bias = parameters
        wanted = np.eye(CLASSES)[self.targets]
        for _ in range(int(config.get("local-epochs", 5))):
            error = (softmax(self.features @ weights + bias) - wanted) / len(wanted)
            weights = weights - config.get("lr", 0.5) * self.features.T @ error
            bias = bias - config.get("lr", 0.5) * error.sum(0)
        return [weights, bias], len(wanted), {}

    def evaluate(self, parameters: Arrays, config: dict[str, Any]) -> tuple[float, int, dict]:
        weights, bias = parameters
        found = softmax(self.unseen @ weights + bias)
        loss = -np.log(found[np.arange(len(found)), self.wanted] + 1e-9).mean()
        accuracy = float((found.argmax(1) == self.wanted).mean())
        return float(loss), len(found), {"accuracy": accuracy}


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def client_fn(context: Any) -> Client:
    config = context.node_config
    return Client(config.get("partition-id", 0), config.get("num-partitions", 2))
