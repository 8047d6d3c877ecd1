"""A node's readings as its model sees them: standardised as the cluster agreed, then projected."""

import trio

from gossipfl.learning.basis import Basis
from gossipfl.learning.dataset import Dataset
from gossipfl.learning.pipeline import prepare, transform
from gossipfl.learning.statistics import Scale
from gossipfl.node.sharing import Sharing
from gossipfl.node.state.journal import RunBlocking


class Inputs:
    """Keeps the training and validation features in step with the agreed statistics.

    The learner reads the arrays of `prepared`; `refresh` rewrites them between two fits.
    """

    def __init__(self, raw: list[Dataset], basis: Basis, sharing: Sharing | None) -> None:
        self._raw = raw
        self._basis = basis
        self._sharing = sharing
        self._used: bytes | None = None
        self.prepared = [prepare(basis, dataset, None) for dataset in raw]

    @property
    def shared(self) -> bool:
        """Whether the cluster agrees on the statistics."""
        return self._sharing is not None and self._sharing.pooled

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

    def _rewrite(self, scale: Scale) -> None:
        for raw, prepared in zip(self._raw, self.prepared, strict=True):
            prepared.features[:] = transform(self._basis, raw.features, scale)
