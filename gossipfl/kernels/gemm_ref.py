"""What the matrix kernels compute, in one line each; equal up to the order of the sums."""


def multiply_transposed(a, b, out):
    """out = a times b transposed."""
    out[:] = a @ b.T


def accumulate(a, b, out):
    """out += a times b."""
    out += a @ b
