"""Numba kernels, each beside a plain NumPy reference twin (`*_ref.py`); `engine` chooses."""

from gossipfl.kernels.presence import MISSING

if not MISSING:
    from gossipfl.kernels.loading import load_without_registries
    from gossipfl.kernels.runtime import keep_runtime_compiled
    from gossipfl.kernels.staleness import forget_stale_kernels

    forget_stale_kernels()
    keep_runtime_compiled()
    load_without_registries()
