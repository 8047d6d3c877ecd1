"""Many members' state machines in one event simulator, for scripts/bench/membership."""
