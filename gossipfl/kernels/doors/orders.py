"""Random orders of rows, a function of seed and epoch alone."""

from typing import Any

from gossipfl.kernels.doors import checked
from gossipfl.kernels.native import Kernel
from gossipfl.kernels.signatures import DRAW_ORDERS

DRAW_ORDERS_KERNEL = Kernel("orders.draw_orders", DRAW_ORDERS)


def draw_orders(seed: int, first: int, keys: Any, starts: Any, out: Any) -> None:
    """A random order for each epoch from the `first` on; a tie goes to the lower row.

    out: u64[epochs, rows].  Scratch: keys u64[rows], starts i64[2**bits], best about as many as
    rows.
    """
    found = DRAW_ORDERS_KERNEL.call(seed, first, keys, starts, out)
    checked(found, "draw_orders")
