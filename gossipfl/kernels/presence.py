"""Whether Numba can be used here: there is no wheel of it for 32-bit processors, for instance."""

try:
    import llvmlite.binding  # noqa: F401
    import numba  # noqa: F401
except (ImportError, OSError) as error:  # OS: LLVM is there but does not load
    MISSING = str(error).partition("\n")[0] or type(error).__name__
else:
    MISSING = ""
"""Why Numba cannot be imported; empty where it can."""
