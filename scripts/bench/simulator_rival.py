"""gossipy's side of scripts/bench/simulator; runs in a virtual environment of its own.

Usage: simulator_rival.py TRAIN.npz NODES HIDDEN SECONDS

The set-up of its example main_hegedus_2021: random 20-regular graph, pushes, models in 4 parts,
token accounts.  HIDDEN 0 is logistic regression.  It evaluates nothing, since no node has test
rows.  Prints one line of JSON: node_rounds, cpu_s, wall_s.
"""

# ruff: noqa: E402
import json
import logging
import sys
import time
from types import ModuleType

# It imports torchvision, which its packages do not name, for images that are not used here.
sys.modules["torchvision"] = ModuleType("torchvision")

import networkx
import numpy as np
import torch
from gossipy import LOG, set_seed
from gossipy.core import AntiEntropyProtocol, CreateModelMode, StaticP2PNetwork, UniformDelay
from gossipy.data import DataDispatcher
from gossipy.data.handler import ClassificationDataHandler
from gossipy.flow_control import RandomizedTokenAccount
from gossipy.model.handler import PartitionedTMH
from gossipy.model.nn import LogisticRegression, TorchMLP
from gossipy.model.sampling import TorchModelPartition
from gossipy.node import PartitioningBasedNode
from gossipy.simul import TokenizedGossipSimulator

DELTA = 100
WARM_UP_ROUNDS = 12  # accounts start empty, and until they hold 10 tokens nobody speaks


def main() -> None:
    """Run rounds until the time is spent."""
    path, nodes, hidden, seconds = sys.argv[1], *map(int, sys.argv[2:])
    torch.set_num_threads(1)
    LOG.setLevel(logging.ERROR)
    set_seed(0)
    simulation = make(path, nodes, hidden)
    simulation.start(n_rounds=WARM_UP_ROUNDS)
    rounds, cpu_s, wall_s = 0, -time.process_time(), -time.monotonic()
    while wall_s + time.monotonic() < seconds:
        simulation.start(n_rounds=2)
        rounds += 2
    cpu_s, wall_s = cpu_s + time.process_time(), wall_s + time.monotonic()
    print(json.dumps({"node_rounds": rounds * nodes, "cpu_s": cpu_s, "wall_s": wall_s}))


def make(path: str, nodes: int, hidden: int) -> TokenizedGossipSimulator:
    """The simulator with its nodes, as the example builds them."""
    with np.load(path) as file:
        features, classes = file["X"], file["y"]
    features = (features - features.mean(0)) / np.maximum(features.std(0), 1e-9)
    data = ClassificationDataHandler(
        torch.tensor(features).float(), torch.tensor(classes).long(), test_size=0.0
    )
    dispatcher = DataDispatcher(data, n=nodes, eval_on_user=False, auto_assign=True)
    width, outputs = features.shape[1], len(np.unique(classes))
    net = TorchMLP(width, outputs, (hidden,)) if hidden else LogisticRegression(width, outputs)
    graph = networkx.to_numpy_array(networkx.random_regular_graph(20, nodes, seed=42))
    handler = PartitionedTMH(
        net=net,
        tm_partition=TorchModelPartition(net, 4),
        optimizer=torch.optim.SGD,
        optimizer_params={"lr": 1, "weight_decay": 0.001},
        criterion=torch.nn.CrossEntropyLoss(),
        create_model_mode=CreateModelMode.UPDATE,
    )
    made = PartitioningBasedNode.generate(
        data_dispatcher=dispatcher,
        p2p_net=StaticP2PNetwork(nodes, graph),
        model_proto=handler,
        round_len=DELTA,
        sync=True,
    )
    simulation = TokenizedGossipSimulator(
        nodes=made,
        data_dispatcher=dispatcher,
        token_account=RandomizedTokenAccount(C=20, A=10),
        utility_fun=lambda first, second, message: 1,
        delta=DELTA,
        protocol=AntiEntropyProtocol.PUSH,
        delay=UniformDelay(0, 10),
    )
    simulation.init_nodes(seed=42)
    return simulation


if __name__ == "__main__":
    main()
