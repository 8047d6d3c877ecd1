"""Runs a node's part in releases, of models and of settings."""

from typing import Any

import trio

from gossipfl.agreement import Agreement
from gossipfl.learning.learner import Learner
from gossipfl.node.membership import Membership
from gossipfl.node.mesh import Mesh, Neighbour
from gossipfl.node.mixer import Mixer
from gossipfl.node.model_track import ModelTrack, Vector
from gossipfl.node.release_track import Services, Track
from gossipfl.node.settings_track import SettingsTrack
from gossipfl.node.state.checkpoints import Checkpoints
from gossipfl.node.state.journal import Journal
from gossipfl.node.state.store import Saved
from gossipfl.node.surroundings import Surroundings
from gossipfl.releases.bulletin import ReleaseMessage
from gossipfl.wire.releases import MODEL, SETTINGS, KnownRelease, ReleaseUpdate


class Releases:
    """What the node's services tell of releases, by subject."""

    def __init__(
        self,
        manifest: Agreement,
        membership: Membership,
        mesh: Mesh,
        mixer: Mixer,
        learner: Learner,
        checkpoints: Checkpoints,
        journal: Journal,
        around: Surroundings,
        saved: Saved,
    ) -> None:
        services = Services(membership, mesh, mixer, learner, checkpoints, journal, around, saved)
        self._read_release = membership.read_release
        self._mixer = mixer
        self._model = ModelTrack(manifest, services)
        self._settings = SettingsTrack(manifest, services)
        self._tracks: dict[int, Track[Any]] = {MODEL: self._model, SETTINGS: self._settings}

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Until cancelled; links may come as soon as it has started."""
        async with trio.open_nursery() as nursery:
            for track in self._tracks.values():
                await nursery.start(track.run)
            task_status.started()

    def linked(self, neighbour: Neighbour) -> None:
        """A link came into use."""
        for track in self._tracks.values():
            track.linked(neighbour)

    def unlinked(self, neighbour: Neighbour) -> None:
        """A link has ended, and no other has taken its place."""
        for track in self._tracks.values():
            track.unlinked(neighbour)

    async def take(self, neighbour: Neighbour, message: ReleaseMessage) -> None:
        """One message.  What answers it is sent before the next one is read.

        Raises Untrusted or RemoteProtocolError for what only hostile neighbours send.
        """
        match message:
            case KnownRelease() | ReleaseUpdate():
                await self._tracks[message.subject].take(neighbour, message)
            case _:  # only models have parts
                await self._model.take(neighbour, message)

    async def publish(self, signed: bytes, content: bytes) -> None:
        """A release that the operator brought.  Raises Untrusted unless it is news."""
        await self._tracks[self._read_release(signed).subject].publish(signed, content)

    async def attend(self) -> None:
        """Between two rounds: try, judge, adopt or undo, whatever is due."""
        await self._model.attend()
        await self._settings.attend()

    def keeps_from(self, neighbour: Neighbour) -> bool:
        """Whether its model and ours should not mix: one of us is about to leave its own behind."""
        return self._model.keeps_from(neighbour)

    def passes_over(self, neighbour: Neighbour) -> bool:
        """Whether its requests go unanswered for that; not so one that answers our own."""
        return self.keeps_from(neighbour) and not self._mixer.awaits(neighbour)

    @property
    def moves(self) -> bool:
        """Whether the model is about to jump."""
        return self._model.moves

    @property
    def in_use(self) -> Vector | None:
        """f32[d], what to predict with instead of what the mesh has learnt."""
        return self._model.in_use

    def status(self) -> dict[str, Any] | None:
        """What is known of the newest release of a model; None when there is none."""
        return self._model.status()

    def settings_status(self) -> dict[str, Any] | None:
        """The same of settings."""
        return self._settings.status()
