"""When the model and the anchors are written whole."""

from collections.abc import Callable
from typing import Final

import numpy as np
import trio

from gossipfl.gossip.replica import Replica
from gossipfl.learning.best import BestWatch
from gossipfl.learning.learner import Learner
from gossipfl.node.mixer import Mixer
from gossipfl.node.sharing import Sharing
from gossipfl.node.state.journal import Journal
from gossipfl.node.state.store import Kept, ModelCheckpoint

LINKS_INTERVAL_S: Final = 300.0
ROWS_MAX: Final = 2_000
# A seed's rounds are as many rows as it has clients.
ROWS_A_LINK: Final = 20
MEMBERS: Final = "members"


class Checkpoints:
    """Model every few seconds, anchors every few minutes: anchors are many and replay cheaply."""

    def __init__(
        self,
        journal: Journal,
        mixer: Mixer,
        learner: Learner,
        sharing: Sharing | None,
        best: BestWatch,
        members: Callable[[], tuple[bytes, ...]],
        interval_s: float,
    ) -> None:
        """members: records of those whom to look for after a restart."""
        self._journal = journal
        self._mixer = mixer
        self._learner = learner
        self._sharing = sharing
        self._best = best
        self._members = members
        self._interval_s = interval_s
        self._model_s = self._links_s = trio.current_time()
        self._links_position = journal.position

    def note_round(self) -> None:
        """A round has ended; write what is due."""
        now_s = trio.current_time()
        if now_s - self._model_s >= self._interval_s:
            self.write_model()
        rows = self._journal.position - self._links_position
        rows_max = max(ROWS_MAX, ROWS_A_LINK * self._mixer.links)
        if now_s - self._links_s >= LINKS_INTERVAL_S or rows >= rows_max:
            self.write_links()

    def write_model(self) -> None:
        """Queue the whole model, as it is now."""
        self._model_s = trio.current_time()
        replica = self._mixer.replica
        moments = self._sharing.moments.entries() if self._sharing else ()
        checkpoint = ModelCheckpoint(
            position=self._journal.position,
            vectors=np.stack([replica.parameters, replica.control, replica.average]),
            rounds=replica.rounds,
            phi=replica.activity.phi,
            gain=replica.guard.gain,
            caution=replica.caution.snapshot() if replica.caution else b"",
            trainer=self._learner.snapshot(),
            moments=tuple(entry.encode() for entry in moments),
            best=self._best.kept,
        )
        self._journal.put(checkpoint)

    def write_links(self) -> None:
        """Queue every link's anchor, so that older journal rows can go, and whom we know."""
        self._links_s = trio.current_time()
        self._links_position = self._journal.position
        self._mixer.checkpoint_links()
        self._journal.put(Kept(MEMBERS, self._members()))


def restore_replica(replica: Replica, saved: ModelCheckpoint) -> None:
    """Put a written model back.  Raises StateError when it is damaged."""
    replica.parameters, replica.control, replica.average = saved.vectors.copy()
    replica.rounds = saved.rounds
    replica.activity.phi = saved.phi
    replica.guard.gain = saved.gain
    if replica.caution is not None:
        replica.caution.restore(saved.caution)
