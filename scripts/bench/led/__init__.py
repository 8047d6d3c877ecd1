"""A seed node, its clients, and Flower beside it."""
