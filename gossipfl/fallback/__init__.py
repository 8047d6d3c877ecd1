"""When a node leaves gossip for a seed, and when it returns."""
