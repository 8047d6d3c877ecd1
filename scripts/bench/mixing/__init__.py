"""Parts of scripts/bench/topologies."""
