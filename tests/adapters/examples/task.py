"""The model, training and testing of flower_app.py, as a Flower quickstart has them."""

import torch
from clouds import CLASSES, FEATURES
from torch import nn


class Net(nn.Module):
    """A small network with batch normalisation, whose statistics stay on their node."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(FEATURES, 32)
        self.normalise = nn.BatchNorm1d(32)
        self.out = nn.Linear(32, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(torch.relu(self.normalise(self.hidden(x))))


def train(net: Net, features: torch.Tensor, targets: torch.Tensor, lr: float) -> float:
    """One epoch of SGD; the mean loss."""
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    net.train()
    losses = []
    for rows in torch.randperm(len(targets)).split(32):
        loss = nn.functional.cross_entropy(net(features[rows]), targets[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return sum(losses) / len(losses)


def test(net: Net, features: torch.Tensor, targets: torch.Tensor) -> tuple[float, float]:
    """Loss and accuracy."""
    net.eval()
    with torch.no_grad():
        outputs = net(features)
    loss = nn.functional.cross_entropy(outputs, targets).item()
    return loss, (outputs.argmax(1) == targets).float().mean().item()


test.__test__ = False  # for pytest, which is not meant
