"""Serverless federated learning by encrypted gossip for clusters of edge devices."""

__version__ = "0.1.0"
