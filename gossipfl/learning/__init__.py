"""What a node learns, from which data, and how."""
