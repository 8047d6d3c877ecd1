"""Cluster-wide standardisation without pooling data.

Every node publishes count, mean and variance of its own readings.  These moments form a grow-only
set that spreads by gossip; each node pools what it holds, so nodes that hold the same entries
standardise alike, to the bit.
"""

import hashlib

import attrs
import msgpack
import numpy as np
from numpy.typing import NDArray

from gossipfl.data.dataset import Dataset
from gossipfl.errors import ConfigError, RemoteProtocolError

Floats = NDArray[np.float32]

LOCAL = "local:"
OWNER_BYTES = 8
DIGEST_BYTES = 8
# A mean of one reading would be the reading: below this, a node keeps its moments to itself.
COUNT_MIN = 10
COUNT_MAX = 2**31
VERSION_MAX = 2**48
# Own moments are told anew when the count grew by half, or a mean or deviation moved by a tenth of
# the deviation.
NEWS_GROWTH, NEWS_SHIFT = 1.5, 0.1
# Spread below this share of the mean is rounding noise: the feature counts as constant.
RELATIVE_FLOOR = 1e-6
ABSOLUTE_FLOOR = 1e-12
FLOAT32_MAX = float(np.finfo(np.float32).max)


@attrs.frozen(kw_only=True, eq=False)
class Moments:
    """One node's readings in summary.

    owner: 8 bytes that identify the node.
    version: an owner's newest entry has the highest, 0 to VERSION_MAX.
    count: rows, COUNT_MIN to COUNT_MAX.
    mean, variance: f32[g] per group; float16 would not hold the range of raw sensors.
    """

    owner: bytes
    count: int
    mean: Floats
    variance: Floats
    version: int = 0

    def encode(self) -> bytes:
        """A msgpack list; vectors as little-endian float32."""
        vectors = [vector.astype("<f4").tobytes() for vector in (self.mean, self.variance)]
        return bytes(msgpack.packb([self.owner, self.version, self.count, *vectors]))

    def digest(self) -> bytes:
        """8 bytes that stand for this entry."""
        return _blake2b(self.encode())

    def is_news(self, known: "Moments") -> bool:
        """Whether readings have changed enough, since `known`, that others should hear of it.

        Never of a few rows more or less: they could be told from the difference.
        """
        if 0 < abs(self.count - known.count) < COUNT_MIN:
            return False
        floor = np.abs(known.mean) * RELATIVE_FLOOR + ABSOLUTE_FLOOR
        spread = np.maximum(np.sqrt(known.variance), floor)
        moved = np.abs(self.mean - known.mean) > NEWS_SHIFT * spread
        widened = np.abs(np.sqrt(self.variance) - spread) > NEWS_SHIFT * spread
        grown = not known.count / NEWS_GROWTH < self.count < known.count * NEWS_GROWTH
        return grown or bool((moved | widened).any())


@attrs.frozen(kw_only=True, eq=False)
class Scale:
    """mean, inverse_deviation: f32[g]; apply as (x - mean) * inverse_deviation."""

    mean: Floats
    inverse_deviation: Floats


def is_local(mode: str) -> bool:
    """Whether a node goes by the statistics of its own readings alone, and tells nobody."""
    return mode.startswith(LOCAL)


def groups_of(mode: str, features: int) -> int:
    """How many groups are standardised alike: 0 for "none", one per "feature", C for "channel:C".

    Channels suit windows flattened from [T, C] row-major; "local:" may stand before the last two.
    Raises ConfigError.
    """
    if mode == "none":
        return 0
    grouping = mode.removeprefix(LOCAL)
    if grouping == "feature":
        return features
    name, _, text = grouping.partition(":")
    channels = int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else 0
    if name != "channel" or channels < 1:
        raise ConfigError(
            "standardisation is none, feature or channel:C, the last two also as local:feature or "
            f"local:channel:C, not {mode!r}"
        )
    if features % channels:
        raise ConfigError(f"standardisation {mode}: {features} features are no multiple of it")
    return channels


def moments_of(dataset: Dataset, owner: bytes, mode: str) -> Moments | None:
    """What this node may tell of its rows: None in mode "none", or when they are too few."""
    groups = groups_of(mode, dataset.features.shape[1])
    if not groups or len(dataset) < COUNT_MIN:
        return None
    values = dataset.features.reshape(-1, groups)
    # Float64 sums hold the square of any float32; only the result may need clipping.
    variance = np.minimum(values.var(0, dtype=np.float64), FLOAT32_MAX)
    return Moments(
        owner=owner,
        count=min(len(dataset), COUNT_MAX),
        mean=values.mean(0, dtype=np.float64).astype(np.float32),
        variance=variance.astype(np.float32),
    )


class MomentSet:
    """A set of moments, the newest entry per owner; adding commutes and is idempotent.

    Beyond `limit` owners it keeps those whose hash is smallest: a sample of a large cluster that
    every node draws alike and that nobody enters by coming early.
    """

    def __init__(self, groups: int, limit: int = 64) -> None:
        """Entries have `groups` means each."""
        self.groups = groups
        self.limit = limit
        self._entries: dict[bytes, Moments] = {}

    def add(self, moments: Moments) -> bool:
        """Merge one entry in; whether that changed the set."""
        before = self._entries.get(moments.owner)
        if before is not None and _rank(moments) <= _rank(before):
            return False
        self._entries[moments.owner] = moments
        if len(self._entries) > self.limit:
            last = max(self._entries, key=_blake2b)
            del self._entries[last]
            return last != moments.owner
        return True

    def publish(self, own: Moments) -> bool:
        """Put an owner's own entry in the place of all earlier ones; whether the set changed."""
        before = self._entries.get(own.owner)
        version = 0 if before is None else before.version + 1
        return self.add(attrs.evolve(own, version=min(version, VERSION_MAX)))

    def of(self, owner: bytes) -> Moments | None:
        """The entry of one owner."""
        return self._entries.get(owner)

    def entries(self) -> tuple[Moments, ...]:
        """All entries by owner."""
        return tuple(self._entries[owner] for owner in sorted(self._entries))

    def digests(self) -> tuple[bytes, ...]:
        """The digest of every entry."""
        return tuple(entry.digest() for entry in self.entries())

    def digest(self) -> bytes:
        """8 bytes that stand for the whole set."""
        return _blake2b(b"".join(self.digests()))

    def missing_from(self, known: set[bytes]) -> list[Moments]:
        """The entries of which a peer that knows these digests has none."""
        return [entry for entry in self.entries() if entry.digest() not in known]

    def scale(self) -> Scale:
        """All entries pooled by count; the identity while there are none.

        In float64 and in the order of owners, so that equal sets give equal bits everywhere.
        """
        entries = self.entries()
        if not entries:
            return Scale(
                mean=np.zeros(self.groups, np.float32),
                inverse_deviation=np.ones(self.groups, np.float32),
            )
        total = sum(entry.count for entry in entries)
        mean, variance = np.zeros(self.groups), np.zeros(self.groups)
        for entry in entries:
            mean += entry.mean * np.float64(entry.count / total)
        for entry in entries:
            offset = entry.mean - mean
            variance += (entry.variance + offset * offset) * np.float64(entry.count / total)
        return _scale(mean, np.sqrt(variance))

    def decode(self, content: bytes) -> Moments:
        """One entry as a peer encoded it.  Raises RemoteProtocolError for anything illegal."""
        try:
            owner, version, count, mean, variance = msgpack.unpackb(content, raw=False)
        except (ValueError, TypeError, msgpack.UnpackException):
            raise RemoteProtocolError("statistics: not a list of five") from None
        if not isinstance(owner, bytes) or len(owner) != OWNER_BYTES:
            raise RemoteProtocolError(f"statistics: an owner has {OWNER_BYTES} bytes")
        if type(count) is not int or not COUNT_MIN <= count <= COUNT_MAX:
            raise RemoteProtocolError(f"statistics: a count is {COUNT_MIN} to {COUNT_MAX}")
        if type(version) is not int or not 0 <= version <= VERSION_MAX:
            raise RemoteProtocolError(f"statistics: a version is 0 to {VERSION_MAX}")
        found = Moments(
            owner=owner,
            version=version,
            count=count,
            mean=self._vector(mean),
            variance=self._vector(variance),
        )
        if (found.variance < 0).any():
            raise RemoteProtocolError("statistics: a variance is negative")
        if found.encode() != content:
            raise RemoteProtocolError("statistics: not in the one legal encoding")
        return found

    def _vector(self, raw: object) -> Floats:
        if not isinstance(raw, bytes) or len(raw) != 4 * self.groups:
            raise RemoteProtocolError(f"statistics: {self.groups} float32 are needed")
        vector = np.frombuffer(raw, "<f4").astype(np.float32)
        if not np.isfinite(vector).all():
            raise RemoteProtocolError("statistics: not finite")
        return vector


def apply(scale: Scale, features: Floats) -> Floats:
    """f32[n, f], a new array: groups at mean 0, deviation 1; feature i is in group i % g."""
    groups = len(scale.mean)
    grouped = features.reshape(len(features), features.shape[1] // groups, groups)
    return ((grouped - scale.mean) * scale.inverse_deviation).reshape(features.shape)


def _scale(mean: NDArray[np.float64], deviation: NDArray[np.float64]) -> Scale:
    floor = np.maximum(np.abs(mean) * RELATIVE_FLOOR, ABSOLUTE_FLOOR)
    varies = deviation > floor
    inverse = 1 / np.where(varies, deviation, 1.0)
    return Scale(mean=mean.astype(np.float32), inverse_deviation=inverse.astype(np.float32))


def _rank(moments: Moments) -> tuple[int, bytes]:
    return moments.version, moments.encode()


def _blake2b(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=DIGEST_BYTES).digest()
