"""What Python calls: each function hands its arrays to a compiled kernel and reads the answer.

Machine code looks at every array before it touches one, and answers below MISTAKEN for one that it
cannot use.  Callers hold the arrays for the time of the call.  The GIL is released.
"""

from gossipfl.errors import LocalProtocolError
from gossipfl.kernels.signatures import MISTAKEN


def checked(found: int, name: str) -> int:
    """`found`.  Raises LocalProtocolError for a wrong array, and for sizes that do not fit."""
    if found < 0:
        raise complaint(found, name)
    return found


def complaint(found: float, name: str) -> LocalProtocolError:
    """What the negative answer of a kernel means."""
    if found > MISTAKEN:
        return LocalProtocolError(f"{name}: arrays of equal sizes are needed")
    number = int(MISTAKEN - found) + 1
    return LocalProtocolError(
        f"{name}: array {number} must be a NumPy array of the right type and number of dimensions, "
        "C-contiguous, aligned, and writable where it is written to"
    )
