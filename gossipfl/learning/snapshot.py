"""A trainer's state between two fits, as bytes."""

import attrs
import msgpack
import numpy as np
from numpy.typing import NDArray

from gossipfl.errors import StateError
from gossipfl.learning.sampling import SEED_MAX

VERSION = 1
HEAD_MAX = 256  # bytes beside the vectors
COUNT_MAX = 2**53


@attrs.frozen(kw_only=True, eq=False)
class TrainerState:
    """optimizer: its name; step: steps so far; moments: f32[k, d].

    seed, epoch, position: where in the stream of rows; rows: how many an epoch has.
    """

    optimizer: str
    step: int
    moments: NDArray[np.float32]
    seed: int
    epoch: int
    position: int
    rows: int


def encode_state(state: TrainerState) -> bytes:
    """A msgpack list; vectors as little-endian float32."""
    numbers = [state.step, state.seed, state.epoch, state.position, state.rows]
    return bytes(
        msgpack.packb([VERSION, state.optimizer, numbers, state.moments.astype("<f4").tobytes()])
    )


def decode_state(snapshot: bytes, optimizer: str, shape: tuple[int, int]) -> TrainerState:
    """The state, for an optimizer that keeps f32`shape`.  Raises StateError on anything else."""
    if len(snapshot) > 4 * shape[0] * shape[1] + HEAD_MAX:
        raise StateError("trainer snapshot: too long for this model; remove it to start afresh")
    try:
        version, name, numbers, raw = msgpack.unpackb(snapshot, raw=False)
        step, seed, epoch, position, rows = numbers
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise StateError(f"trainer snapshot: damaged ({error}); remove it") from None
    if version != VERSION or name != optimizer or not isinstance(raw, bytes):
        raise StateError(
            f"trainer snapshot: not one of {optimizer!r}, version {VERSION}; remove it or go back "
            "to the old settings"
        )
    _check_numbers(step, seed, epoch, position, rows)
    return TrainerState(
        optimizer=optimizer,
        step=step,
        moments=_vectors(raw, shape),
        seed=seed,
        epoch=epoch,
        position=position,
        rows=rows,
    )


def _check_numbers(step: int, seed: int, epoch: int, position: int, rows: int) -> None:
    limits = ((step, COUNT_MAX), (seed, SEED_MAX), (epoch, COUNT_MAX), (rows, COUNT_MAX))
    legal = all(type(value) is int and 0 <= value <= limit for value, limit in limits)
    if not legal or type(position) is not int or not 0 <= position < max(rows, 1):
        raise StateError("trainer snapshot: damaged (impossible counts); remove it")


def _vectors(raw: bytes, shape: tuple[int, int]) -> NDArray[np.float32]:
    if len(raw) != 4 * shape[0] * shape[1]:
        raise StateError("trainer snapshot: made for another model or momentum; remove it")
    moments = np.frombuffer(raw, "<f4").astype(np.float32).reshape(shape)
    if not np.isfinite(moments).all():
        raise StateError("trainer snapshot: damaged (not finite); remove it")
    return moments
