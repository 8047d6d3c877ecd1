"""How a node learns from its data."""
