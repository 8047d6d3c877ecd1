"""Many simulations: over cores or a cluster, and what they leave behind."""
