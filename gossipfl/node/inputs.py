"""A node's readings as its model sees them: standardised as the cluster agreed, then projected."""

import numpy as np
import trio
from numpy.typing import NDArray

from gossipfl.learning.basis import Basis
from gossipfl.learning.dataset import Dataset
from gossipfl.learning.statistics import Scale, apply
from gossipfl.node.journal import RunBlocking
from gossipfl.node.sharing import Sharing

Floats = NDArray[np.float32]


class Inputs:
    """Keeps the training and validation features in step with the agreed statistics.

    The learner reads the arrays of `prepared`; `refresh` rewrites them between two fits.
    """

    def __init__(self, raw: list[Dataset], basis: Basis, sharing: Sharing | None) -> None:
        self._raw = raw
        self._basis = basis
        self._sharing = sharing
        self._used: bytes | None = None
        self.prepared = [self._prepare(dataset) for dataset in raw]

    @property
    def shared(self) -> bool:
        """Whether the cluster standardises at all."""
        return self._sharing is not None

    def is_settled(self, settle_s: float) -> bool:
        """No news about statistics has come for a while, and somebody has told us theirs."""
        assert self._sharing is not None
        quiet_s = trio.current_time() - self._sharing.moments_changed_s
        return quiet_s >= settle_s and self._sharing.heard_any

    async def refresh(self, run_blocking: RunBlocking) -> None:
        """Standardise anew when the agreed statistics have changed."""
        if self._sharing is None or self._sharing.moments.digest() == self._used:
            return
        self._used = self._sharing.moments.digest()
        await run_blocking(self._rewrite, self._sharing.moments.scale())

    def transform(self, features: Floats) -> Floats:
        """Any readings, f32[n, columns], as the model sees them now."""
        scale = self._sharing.moments.scale() if self._sharing else None
        return self._transform(features, scale)

    def _prepare(self, raw: Dataset) -> Dataset:
        features = self._transform(raw.features, None)
        names = tuple(f"input{i}" for i in range(features.shape[1]))
        return raw.with_features(features, names)

    def _rewrite(self, scale: Scale) -> None:
        for raw, prepared in zip(self._raw, self.prepared, strict=True):
            prepared.features[:] = self._transform(raw.features, scale)

    def _transform(self, features: Floats, scale: Scale | None) -> Floats:
        if scale is not None:
            features = apply(scale, features)
        return self._basis.transform(features)
