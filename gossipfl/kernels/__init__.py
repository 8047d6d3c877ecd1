"""Numba kernels, each beside a plain NumPy reference twin (`*_ref.py`).

Numba's disk cache notices only changes in the file of the kernel that is called from Python, not
in the files that it calls: after editing an inner kernel, delete `gossipfl/kernels/__pycache__`.
"""

from gossipfl.kernels.runtime import keep_runtime_compiled

keep_runtime_compiled()
