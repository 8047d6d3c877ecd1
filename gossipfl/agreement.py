"""What every node of a cluster must agree on, whatever they train: one vector and its gossip.

The operator signs it once; its hash is compared in every hello.
"""

import hashlib
import re
from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any, Final, Literal

import attrs
import cattrs
import msgpack
import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from gossipfl.central.links import UPDATE_RATIO, WHOLE, CentralLinks
from gossipfl.compression import Codec, DenseCodec, SparseCodec
from gossipfl.compression.limited import Limit, LimitedCodec
from gossipfl.errors import ConfigError
from gossipfl.gossip.anchored import SEED_RATIO, AnchoredGossip
from gossipfl.gossip.caution import WEIGHT_MAX, Caution
from gossipfl.gossip.plain import PlainGossip
from gossipfl.gossip.scheme import Scheme
from gossipfl.security.fields import whole
from gossipfl.security.signed import BODY_MAX

ID_BYTES: Final = 16
SEED_MAX: Final = 2**32 - 1
_NAME: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,62}")

Check = Any  # attrs types a validator as a callable of Any


def _check_name(_: object, attribute: "attrs.Attribute[str]", value: object) -> None:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ConfigError(
            f"{attribute.name} is 1 to 63 letters, digits, dots, hyphens or underscores, the first "
            f"a letter or digit, not {str(value)[:80]!r}"
        )


def _check_share(_: object, attribute: "attrs.Attribute[float]", value: float) -> None:
    if not 0 < value <= 1:
        raise ConfigError(f"{attribute.name} is above 0 and at most 1, not {value!r}")


def one_of(*allowed: str | int) -> Check:
    """An attrs validator.  It raises ConfigError."""

    def check(_: object, attribute: "attrs.Attribute[str | int]", value: object) -> None:
        if value not in allowed:
            raise ConfigError(
                f"{attribute.name} is {' or '.join(map(str, allowed))}, not {value!r}"
            )

    return check


def _check_guarded(agreement: "Agreement", _: object, trust: str) -> None:
    if trust == "open" and agreement.scheme != "anchored":
        raise ConfigError('trust "open" takes the scheme "anchored": plain gossip has no guard')


@frozen(kw_only=True, slots=False)
class Agreement(ABC):
    """One cluster's agreement, as far as the mesh reads it.

    cluster: what the operator calls it.
    seed: of the initial model.
    scheme: "anchored", or "plain" for uncompressed gossip.
    keep_ratio: share of the parameters sent per message.
    bits: per parameter sent: 1, 2, or "auto".
    trust: "closed", where every member is trusted, or "open", where any may lie; see SECURITY.md.
    """

    cluster: str = field(validator=_check_name)
    seed: int = field(default=0, validator=whole(0, SEED_MAX))
    scheme: Literal["anchored", "plain"] = field(
        default="anchored", validator=one_of("anchored", "plain")
    )
    keep_ratio: float = field(default=0.02, validator=_check_share)
    bits: Literal[1, 2, "auto"] = field(default="auto", validator=one_of(1, 2, "auto"))
    trust: Literal["closed", "open"] = field(
        default="closed", validator=[one_of("closed", "open"), _check_guarded]
    )

    @property
    @abstractmethod
    def parameters(self) -> int:
        """Length d of the vector that is gossiped."""

    @property
    @abstractmethod
    def ranges(self) -> tuple[tuple[int, int], ...]:
        """(start, stop) of each tensor in the vector; each is sent with scales of its own."""

    @property
    @abstractmethod
    def groups(self) -> int:
        """Input statistics of a node; 0 when nothing is standardised."""

    @property
    def pools_statistics(self) -> bool:
        """Whether the cluster agrees on them."""
        return self.groups > 0

    @property
    def private(self) -> tuple[str, ...]:
        """Names of what every node keeps to itself."""
        return ()

    @abstractmethod
    def initial(self) -> NDArray[np.float32]:
        """w0, float32[d], the same bits on every device."""

    def whole(self, shared: NDArray[np.float32]) -> NDArray[np.float32]:
        """The model around what is gossiped, float32[d]; private layers as they begin."""
        return shared

    @abstractmethod
    def summary(self) -> str:
        """One line for people: what is learnt, and how large it is."""

    @cached_property
    def body(self) -> bytes:
        """What the authority signs: canonical, so equal agreements have equal ids."""
        body = bytes(msgpack.packb(converter.unstructure(self)))
        if len(body) > BODY_MAX:
            raise ConfigError(
                f"the names of columns, classes and arrays take {len(body)} bytes, at most "
                f"{BODY_MAX} fit: shorten them"
            )
        return body

    @property
    def id(self) -> bytes:
        """16 bytes that name this agreement."""
        return hashlib.blake2b(self.body, digest_size=ID_BYTES).digest()

    def make_scheme(self, codec: Codec | None = None, limit: Limit | None = None) -> Scheme:
        """The gossip scheme for this vector; with another codec than `make_codec` gives, if any.

        limit: of the payloads that one node makes.
        Raises ConfigError for a limit on a scheme that sends whole models.
        """
        codec = codec or self.make_codec()
        if self.scheme == "plain":
            if limit is not None:
                raise ConfigError("plain gossip sends whole models: lift the limits on bytes")
            return PlainGossip(codec)
        seed_codec: Codec = attrs.evolve(self._sparse_codec(), keep_ratio=SEED_RATIO, bits=2)
        if limit is not None:
            codec = LimitedCodec(codec, self.keep_ratio, limit)
            seed_codec = LimitedCodec(seed_codec, SEED_RATIO, limit)
        weight_max = WEIGHT_MAX if self.trust == "open" else 1.0
        return AnchoredGossip(codec, seed_codec, self.initial(), weight_max)

    def make_central(self, *, is_seed: bool, limit: Limit | None = None) -> CentralLinks:
        """The scheme of links between seeds and clients, at the end that is a seed or not.

        Where members may lie, robust rules need whole updates.
        """
        ratio = UPDATE_RATIO if self.trust == "closed" else WHOLE
        codec: Codec = attrs.evolve(self._sparse_codec(), keep_ratio=ratio, bits=2)
        if limit is not None:
            codec = LimitedCodec(codec, ratio, limit)
        merges = self.trust == "closed"
        return CentralLinks(codec, self.initial(), is_seed=is_seed, merges=merges)

    def make_caution(self, seed: int) -> Caution | None:
        """One node's caution towards its neighbours, where they are not trusted.

        seed: private to the node, so that no neighbour knows what it does not see.
        """
        return Caution(self.parameters, seed) if self.trust == "open" else None

    def make_codec(self) -> Codec:
        """What turns differences of the vector into payloads under the scheme."""
        if self.scheme == "plain":
            return DenseCodec(self.parameters)
        return self._sparse_codec()

    def _sparse_codec(self) -> SparseCodec:
        return SparseCodec(self.parameters, self.ranges, keep_ratio=self.keep_ratio, bits=self.bits)


converter: Final = cattrs.Converter(forbid_extra_keys=True)
# 1 and 1.0 are equal, so they must look alike in the body.
converter.register_unstructure_hook(float, float)
