"""Numba kernels, each beside a plain NumPy reference twin (`*_ref.py`); `engine` chooses."""
