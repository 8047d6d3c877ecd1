"""The kernels that run here: compiled ones, or their NumPy twins where Numba cannot be imported.

The one place that decides.  Compression is equal to the bit either way, so that the two ends of a
link agree whatever they run; training is equal up to rounding, and each node trains alone.
"""

from importlib import import_module
from typing import Any

from gossipfl.kernels.presence import MISSING

NAME = "NumPy" if MISSING else "Numba"


def _chosen(name: str) -> Any:
    return import_module(
        f"gossipfl.kernels.{name}_ref" if MISSING else f"gossipfl.kernels.doors.{name}"
    )


kinds: Any = import_module("gossipfl.kernels.kinds_ref" if MISSING else "gossipfl.kernels.kinds")
steps, orders, updates = _chosen("steps"), _chosen("orders"), _chosen("updates")
payload, scatter = _chosen("payload"), _chosen("scatter")
