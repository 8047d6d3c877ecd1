"""A node's readings as its model sees them: standardised as the cluster agreed, then projected."""

from collections.abc import Callable

import trio

from gossipfl.data.dataset import Dataset
from gossipfl.data.pipeline import prepare, transform
from gossipfl.data.statistics import Moments, Scale, moments_of
from gossipfl.manifest import Manifest
from gossipfl.node.sharing import Sharing
from gossipfl.node.state.journal import RunBlocking
from gossipfl.node.supply import Supply

ReplaceRows = Callable[[Dataset, Dataset | None], None]


class Inputs:
    """Those of an app, which reads its own: there is nothing to keep in step."""

    @property
    def seen(self) -> int | None:
        """Readings that have come so far, kept or not; None where we cannot know."""
        return None

    @property
    def shared(self) -> bool:
        """Whether the cluster standardises at all."""
        return False

    @property
    def edition(self) -> bytes:
        """Changes whenever the learner sees other readings, or the same ones differently."""
        return b""

    def is_settled(self, settle_s: float) -> bool:
        """Whether training may start."""
        return True

    async def refresh(self, run_blocking: RunBlocking) -> None:
        """Bring what the learner reads up to date, between two fits."""


class PreparedInputs(Inputs):
    """Keeps the training and validation features in step with readings and agreed statistics.

    The learner reads the arrays of `train` and `held_back`; `refresh` rewrites them between two
    fits, or hands it others through `replace_rows` when readings have come.
    """

    def __init__(self, supply: Supply, manifest: Manifest, sharing: Sharing, owner: bytes) -> None:
        """owner: whose statistics these readings make.  Raises DataError when there are none."""
        self.replace_rows: ReplaceRows | None = None
        self.readings, self.folder = supply.readings, supply.folder
        self._basis = manifest.input_basis()
        self._sharing = sharing if manifest.standardises else None
        self._mode, self._owner = manifest.standardise, owner
        self._used: bytes | None = None
        self._grown = False
        self._handed_on = self.seen
        self._changing = trio.Lock()  # the readings, which are read and added to in threads
        own = self._summary()
        if own is not None:
            sharing.note_own(own)
        self._prepare(None)

    @property
    def seen(self) -> int:
        """Readings that have come so far, kept or not."""
        return self.readings.seen

    @property
    def shared(self) -> bool:
        """Whether the cluster agrees on the statistics."""
        return self._sharing is not None and self._sharing.pooled

    @property
    def edition(self) -> bytes:
        """As of `refresh`, with the readings that it has handed on."""
        return (self._used or b"") + self._handed_on.to_bytes(8, "big")

    def is_settled(self, settle_s: float) -> bool:
        """No news about statistics has come for a while, and somebody has told us theirs."""
        assert self._sharing is not None
        quiet_s = trio.current_time() - self._sharing.moments_changed_s
        return quiet_s >= settle_s and self._sharing.heard_any

    async def take(self, arrived: Dataset, name: str, run_blocking: RunBlocking) -> None:
        """Add the rows of a file; the learner gets them at the next `refresh`."""
        async with self._changing:
            await run_blocking(self.readings.add, arrived, name)
            self._grown = True
            own = await run_blocking(self._summary)
        if self._sharing is None or own is None:
            return
        if self._sharing.note_own(own) and self.shared:
            await self._sharing.spread_moments()

    def _summary(self) -> Moments | None:
        return moments_of(self.readings.train, self._owner, self._mode)

    async def refresh(self, run_blocking: RunBlocking) -> None:
        """Standardise anew when rows have come or the agreed statistics have changed."""
        digest = None if self._sharing is None else self._sharing.moments.digest()
        if digest == self._used and not self._grown:
            return
        scale = None if self._sharing is None else self._sharing.moments.scale()
        async with self._changing:
            grown, self._used, self._grown = self._grown, digest, False
            self._handed_on = self.seen
            await run_blocking(self._prepare if grown else self._rewrite, scale)
        if grown and self.replace_rows is not None:
            await run_blocking(self.replace_rows, self.train, self.held_back)

    def _prepare(self, scale: Scale | None) -> None:
        held_back = self.readings.held_back
        self.train = prepare(self._basis, self.readings.train, scale)
        self.held_back = None if held_back is None else prepare(self._basis, held_back, scale)

    def _rewrite(self, scale: Scale | None) -> None:
        pairs = ((self.readings.train, self.train), (self.readings.held_back, self.held_back))
        for raw, prepared in pairs:
            if raw is not None and prepared is not None:
                prepared.features[:] = transform(self._basis, raw.features, scale)
