"""Thousands of nodes in virtual time: the node's own exchange and training code, event by event."""
