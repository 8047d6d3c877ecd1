"""FedAvg by Flower on the same digits: a server and a process a client, on loopback.

Run as `server ADDRESS TEST CLIENTS ROUNDS TARGET` or `client ADDRESS PART SEED`.  The server prints
a JSON line when its global model reaches the target accuracy, and ends.
"""

import json
import os
import resource
import socket
import sys
import time
from pathlib import Path

import flwr
import numpy as np

HIDDEN, CLASSES, RATE, BATCH, EPOCHS = 32, 10, 0.3, 16, 5


def main() -> None:
    """One process."""
    role, *arguments = sys.argv[1:]
    if role == "server":
        serve(*arguments)
    else:
        address, part, seed = arguments
        client = Client(part, int(seed)).to_client()
        wait_for(address)
        flwr.client.start_client(server_address=address, client=client)


def wait_for(address: str) -> None:
    """Until somebody listens: Flower's clients give up at once."""
    host, _, port = address.rpartition(":")
    while True:
        try:
            socket.create_connection((host, int(port))).close()
            return
        except OSError:
            time.sleep(0.2)


def initial(inputs: int) -> list[np.ndarray]:
    """He's normal start, and zeros."""
    rng = np.random.default_rng(0)
    sizes = ((inputs, HIDDEN), (HIDDEN, CLASSES))
    layers = [rng.normal(0, np.sqrt(2 / size[0]), size).astype("f4") for size in sizes]
    return [layers[0], np.zeros(HIDDEN, "f4"), layers[1], np.zeros(CLASSES, "f4")]


def scores(model: list[np.ndarray], rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(hidden activations, logits)."""
    hidden = np.maximum(rows @ model[0] + model[1], 0)
    return hidden, hidden @ model[2] + model[3]


class Client(flwr.client.NumPyClient):
    """SGD on one part of the digits."""

    def __init__(self, part: str, seed: int) -> None:
        with np.load(part) as file:
            self.rows, self.labels = file["X"].astype("f4"), file["y"].astype(int)
        self.rng = np.random.default_rng(seed)

    def fit(self, parameters, config):
        """Some epochs from the global model."""
        model = [np.array(each) for each in parameters]
        for _ in range(EPOCHS):
            order = self.rng.permutation(len(self.rows))
            for start in range(0, len(order), BATCH):
                self.step(model, order[start : start + BATCH])
        return model, len(self.rows), {}

    def step(self, model, chosen) -> None:
        """One step of SGD with cross-entropy."""
        rows, labels = self.rows[chosen], self.labels[chosen]
        hidden, logits = scores(model, rows)
        errors = np.exp(logits - logits.max(1, keepdims=True))
        errors /= errors.sum(1, keepdims=True)
        errors[np.arange(len(labels)), labels] -= 1
        errors /= len(labels)
        back = (errors @ model[2].T) * (hidden > 0)
        gradients = (rows.T @ back, back.sum(0), hidden.T @ errors, errors.sum(0))
        for each, gradient in zip(model, gradients, strict=True):
            each -= np.float32(RATE) * gradient


def serve(address: str, test: str, clients: str, rounds: str, target: str) -> None:
    """Until the global model is good enough."""
    with np.load(test) as file:
        rows, labels = file["X"].astype("f4"), file["y"].astype(int)

    def evaluate(round_: int, parameters, config):
        accuracy = float((scores(parameters, rows)[1].argmax(1) == labels).mean())
        if accuracy >= float(target):
            tell(round_, accuracy)
            os._exit(0)  # Flower has no other way of stopping early
        return 0.0, {"accuracy": accuracy}

    strategy = flwr.server.strategy.FedAvg(
        min_fit_clients=int(clients),
        min_available_clients=int(clients),
        fraction_evaluate=0.0,
        evaluate_fn=evaluate,
        initial_parameters=flwr.common.ndarrays_to_parameters(initial(rows.shape[1])),
    )
    flwr.server.start_server(
        server_address=address,
        config=flwr.server.ServerConfig(num_rounds=int(rounds)),
        strategy=strategy,
    )


def tell(round_: int, accuracy: float) -> None:
    """What this took so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    counters = [
        line.split()[1] for line in Path("/proc/net/dev").read_text().splitlines() if " lo:" in line
    ]
    found = {
        "rounds": round_,
        "accuracy": accuracy,
        "lo_bytes": int(counters[0]),
        "time_s": time.time(),
        "memory_bytes": 1024 * usage.ru_maxrss,
    }
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
