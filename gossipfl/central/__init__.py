"""The coordinator of a seed node: FedAvg for nodes that lack neighbours."""
