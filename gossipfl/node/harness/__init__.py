"""Many real nodes on one machine: swarms, the demo, and who judges them."""
