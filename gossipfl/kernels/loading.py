"""Loads cached kernels without what only compiling needs.

Numba fills its registries, of everything that it can compile, before it looks into its cache: half
the time that it takes to load a node's kernels, and some 10 MB.  Machine code needs but Numba's
run-time library.  Where a kernel is not in the cache, the compiler fills the registries itself.
"""

from numba.core.caching import Cache
from numba.core.runtime.nrt import rtsys


def load_without_registries():
    """From now on, do not fill Numba's registries before something has to be compiled."""

    def load_overload(self, signature, target_context):
        rtsys.initialize(target_context)
        with self._guard_against_spurious_io_errors():
            return self._load_overload(signature, target_context)

    Cache.load_overload = load_overload  # type: ignore[method-assign]
