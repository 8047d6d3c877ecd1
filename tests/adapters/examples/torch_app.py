"""A PyTorch module and its training function in a mesh."""

from typing import Any

import torch
from clouds import partition
from task import Net, test, train

from gossipfl.adapters.torch import ModuleTask


def make(context: Any) -> ModuleTask:
    config = context.node_config
    parts = partition(config.get("partition-id", 0), config.get("num-partitions", 2))
    features, targets, unseen, wanted = map(torch.from_numpy, parts)
    lr = context.run_config.get("lr", 0.1)
    return ModuleTask(
        module=Net(),
        samples=len(targets),
        train=lambda net: train(net, features, targets, lr),
        evaluate=lambda net: (*test(net, unseen, wanted), len(wanted)),
    )
