"""Releases in a mesh of a thousand nodes in one event simulator, for scripts/bench/fallback."""
