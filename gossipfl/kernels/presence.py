"""Whether compiled kernels can be used here: for 32-bit processors there is no Numba.

Where kernels of these sources are in the cache, Numba was here to compile them; it need not be
imported to find out.
"""

import os

from gossipfl.kernels import cache

DISABLED = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")
"""Whether the user has switched Numba's compiler off: kernels are then plain Python functions."""


def _missing() -> str:
    if not DISABLED and cache.is_filled():
        return ""
    try:
        import llvmlite.binding  # noqa: F401
        import numba  # noqa: F401
    except (ImportError, OSError) as error:  # OS: LLVM is there but does not load
        return str(error).partition("\n")[0] or type(error).__name__
    return ""


MISSING = _missing()
"""Why Numba cannot be imported; empty where it can, or need not."""
