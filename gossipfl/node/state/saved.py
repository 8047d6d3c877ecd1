"""What a node remembers, and the sealed bytes that it is stored as."""

import hashlib
from collections.abc import Iterable
from typing import Any, Final

import msgpack
import numpy as np
from attrs import Factory, frozen
from numpy.typing import NDArray

from gossipfl.gossip.link import Applied, LinkState, Offered, Planted, Record, Side
from gossipfl.learning.best import BestModel

# What reading damaged bytes raises.
UNREADABLE: Final = (ValueError, TypeError, msgpack.UnpackException)
_KINDS: Final[tuple[type[Record], ...]] = (Offered, Applied, Planted)
_CHECKSUM_BYTES: Final = 16
_pack: Final = msgpack.Packer().pack  # packb would make a Packer a call


@frozen
class Row:
    """One journal row: something that happened on the link to `peer` (public key)."""

    position: int
    peer: bytes
    record: Record


@frozen
class ModelCheckpoint:
    """The whole model as of journal row `position`.

    vectors: parameters, control variate and average, float32[3, d].
    caution: snapshot of what is known of neighbours; empty where they are trusted.
    best: the averaged model with the lowest loss on held-back readings, if any were.
    """

    position: int
    vectors: NDArray[np.float32]
    rounds: int
    phi: float
    gain: float
    caution: bytes
    trainer: bytes
    moments: tuple[bytes, ...]
    best: BestModel | None = None


@frozen
class LinksCheckpoint:
    """Every link as of journal row `position`; older rows are no longer needed for links."""

    position: int
    links: dict[bytes, LinkState]


@frozen
class Kept:
    """What one service wants back after a restart, in the place of what it kept before.

    name: of the service; value: anything that msgpack takes, lists as tuples.
    """

    name: str
    value: Any


Item = Row | ModelCheckpoint | LinksCheckpoint | Kept


@frozen
class Saved:
    """Everything that was stored; kept: by the name of the service."""

    model: ModelCheckpoint | None
    links: dict[bytes, tuple[int, LinkState]]
    rows: list[Row]
    kept: dict[str, Any] = Factory(dict)

    @property
    def position(self) -> int:
        """The newest journal row that anything in the store knows of."""
        known = [position for position, _ in self.links.values()]
        known += [self.model.position] if self.model else []
        known += [self.rows[-1].position] if self.rows else []
        return max(known, default=0)


def sealed(body: bytes, *about: object) -> bytes:
    """`body` behind a checksum, which covers what is stored beside it as well."""
    return _checksum(body, about) + body


def unseal(blob: bytes, *about: object) -> Any:
    """The value that was packed and sealed so.  Raises one of UNREADABLE when a bit differs."""
    if _checksum(blob[_CHECKSUM_BYTES:], about) != blob[:_CHECKSUM_BYTES]:
        raise ValueError("a stored checksum does not match")
    return msgpack.unpackb(blob[_CHECKSUM_BYTES:], use_list=False)


def _checksum(body: bytes, about: tuple[object, ...]) -> bytes:
    return hashlib.blake2b(_pack(about) + body, digest_size=_CHECKSUM_BYTES).digest()


def _floats(data: bytes) -> NDArray[np.float32]:
    return np.frombuffer(data, "<f4").copy()


def encode_model(item: ModelCheckpoint, *about: object) -> bytes:
    """The bytes to store for a model."""
    vectors = item.vectors.astype("<f4").tobytes()
    rest = (item.rounds, item.phi, item.gain, item.caution, item.trainer, item.moments)
    return sealed(msgpack.packb((vectors, *rest, _encode_best(item.best))), *about)


def decode_model(position: int, blob: bytes, *about: object) -> ModelCheckpoint:
    """The reverse of encode_model.  Raises one of UNREADABLE."""
    vectors, rounds, phi, gain, caution, trainer, moments, best = unseal(blob, *about)
    return ModelCheckpoint(
        position=position,
        vectors=_floats(vectors).reshape(3, -1),
        rounds=rounds,
        phi=phi,
        gain=gain,
        caution=caution,
        trainer=trainer,
        moments=moments,
        best=_decode_best(best),
    )


def _encode_best(best: BestModel | None) -> tuple[Any, ...] | None:
    if best is None:
        return None
    parameters = best.parameters.astype("<f4").tobytes()
    return (parameters, best.loss, best.round, best.inputs)


def _decode_best(packed: tuple[Any, ...] | None) -> BestModel | None:
    if packed is None:
        return None
    parameters, loss, round_, inputs = packed
    return BestModel(parameters=_floats(parameters), loss=loss, round=round_, inputs=inputs)


def _encode_side(side: Side) -> tuple[int, int, bytes]:
    return (side.samples, side.activity, side.payload)


def _record_fields(record: Record) -> tuple[Any, ...]:
    if isinstance(record, Planted):
        return (record.payload,)
    sides: Iterable[Side] = (record.ours,)
    if isinstance(record, Applied):
        sides = (record.ours, record.theirs)
    return (record.sequence, *map(_encode_side, sides))


def encode_row(row: Row) -> bytes:
    """The bytes to store for a row, which hold together with its position and peer."""
    fields = (_KINDS.index(type(row.record)), *_record_fields(row.record))
    return sealed(_pack(fields), row.position, row.peer)


def decode_row(position: int, peer: bytes, blob: bytes) -> Row:
    """The reverse of encode_row.  Raises one of UNREADABLE."""
    return Row(position, peer, _build_record(*unseal(blob, position, peer)))


def _build_record(kind: int, first: Any, *sides: Any) -> Record:
    if _KINDS[kind] is Planted:
        return Planted(first)
    if _KINDS[kind] is Offered:
        return Offered(first, Side(*sides[0]))
    return Applied(first, Side(*sides[0]), Side(*sides[1]))


def encode_link(link: LinkState, *about: object) -> bytes:
    """The bytes to store for a link."""
    pending = _encode_side(link.pending) if link.pending else None
    last = _record_fields(link.last) if link.last else None
    marks = (link.sequence, link.digest, link.before, link.base)
    anchor = link.anchor.astype("<f4").tobytes()
    return sealed(msgpack.packb((anchor, *marks, pending, last, link.seed)), *about)


def decode_link(blob: bytes, *about: object) -> LinkState:
    """The reverse of encode_link.  Raises one of UNREADABLE."""
    anchor, sequence, digest, before, base, pending, last, seed = unseal(blob, *about)
    link = LinkState(_floats(anchor), sequence, digest, before, base, seed=seed)
    link.pending = Side(*pending) if pending else None
    if last:
        link.last = Applied(last[0], Side(*last[1]), Side(*last[2]))
    return link
