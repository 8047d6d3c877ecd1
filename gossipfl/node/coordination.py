"""A seed's service: it leads the clients that ask for it, round by round, and gossips with seeds.

A client's request is held until its round is over.  Then, at one stroke, the model moves, every
held request is applied, and all of it is queued for the disk; answers go out once it is written.
Whatever stops the seed in between, clients repeat what was not answered, and it counts once.
"""

from typing import Final

import numpy as np
import trio

from gossipfl.central.coordinator import Closing, Coordinator, Verdict
from gossipfl.central.links import Purpose, is_central
from gossipfl.errors import PeerError, RemoteProtocolError
from gossipfl.gossip.exchange import ExchangeMessage
from gossipfl.gossip.link import Applied, Side
from gossipfl.node.mesh import Mesh, Neighbour
from gossipfl.node.mixer import Mixer
from gossipfl.node.observer import Observer
from gossipfl.node.releases import Releases
from gossipfl.node.rounds import Progress
from gossipfl.node.state.checkpoints import Checkpoints
from gossipfl.node.state.store import Saved
from gossipfl.wire.messages import Request

REPORT_S: Final = 1.0


class Coordination:
    """In front of the mixer; in the place of `Rounds`.

    refused: updates that counted for nothing.
    """

    def __init__(
        self,
        coordinator: Coordinator,
        mixer: Mixer,
        mesh: Mesh,
        checkpoints: Checkpoints,
        observer: Observer,
        rng: np.random.Generator,
        releases: Releases,
        resend_s: float,
    ) -> None:
        self.progress = Progress(state="coordinating")
        self.refused = 0
        self._coordinator = coordinator
        self._mixer = mixer
        self._mesh = mesh
        self._checkpoints = checkpoints
        self._observer = observer
        self._rng = rng
        self._releases = releases
        self._resend_s = resend_s
        self._held: dict[bytes, tuple[Neighbour, Request]] = {}
        self._nursery: trio.Nursery | None = None
        self._heard = trio.Event()
        self._reported_s = -REPORT_S

    def restore(self, saved: Saved) -> None:
        """Count again what was answered since the model was written."""
        position = saved.model.position if saved.model else 0
        for row in saved.rows:
            record = row.record
            if row.position > position and is_central(row.peer) and isinstance(record, Applied):
                self._replay(row.peer, record)
        self._publish()

    def _replay(self, client: bytes, record: Applied) -> None:
        theirs = record.theirs
        if theirs.activity != Purpose.UPDATE:
            self._note_purpose(client, theirs)
            return
        delta = self._mixer.central.read(theirs.payload)
        closing = self._coordinator.replay(client, record.sequence, theirs.samples, delta)
        if closing is not None:
            self._move(closing)

    async def run(self, interval_s: float, settle_s: float, rounds: int) -> None:
        """Until cancelled, or until so many rounds are over unless that is 0."""
        try:
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                nursery.start_soon(self._gossip, interval_s)
                while not rounds or self._coordinator.round < rounds:
                    self._heard = trio.Event()
                    await self._close_if_over()
                    with trio.move_on_at(self._coordinator.due_s(trio.current_time())):
                        await self._heard.wait()
                nursery.cancel_scope.cancel()
        finally:
            self._finish_buffer()

    def is_unused(self, neighbour: Neighbour) -> bool:
        """Clients begin."""
        return not neighbour.is_central and self._mixer.is_unused(neighbour)

    async def offer_to(self, neighbour: Neighbour) -> None:
        """To another seed, as between any neighbours."""
        await self._mixer.offer_to(neighbour)

    async def take(self, neighbour: Neighbour, message: ExchangeMessage) -> None:
        """A client's request may have to wait for its answer; all else goes to the mixer.

        Raises RemoteProtocolError, as the mixer does, and names the sender.
        """
        if not neighbour.is_central or not isinstance(message, Request):
            await self._mixer.take(neighbour, message)
            return
        try:
            half = self._mixer.next_half(neighbour, message)
        except RemoteProtocolError as error:
            self._refuse(neighbour, str(error))
            raise
        if half is None:
            await self._mixer.take(neighbour, message)
        elif half.activity == Purpose.UPDATE:
            await self._take_update(neighbour, message, half)
        else:
            await self._take_model(neighbour, message, half)

    def unlinked(self, neighbour: Neighbour) -> None:
        """Nobody waits for it any more."""
        if neighbour.is_central and self._mesh.find(neighbour.id) is None:
            self._held.pop(neighbour.exchange, None)
            self._coordinator.unlinked(neighbour.exchange)
            self._heard.set()

    async def _take_model(self, neighbour: Neighbour, request: Request, half: Side) -> None:
        """A client comes to be led, or visits: its model and ours are averaged."""
        reason = self._coordinator.check_samples(neighbour.exchange, half.samples)
        if reason is None and half.activity not in (Purpose.JOIN, Purpose.VISIT):
            reason = f"an exchange of purpose {half.activity}, which is none"
        if reason is not None:
            self._refuse(neighbour, reason)
            raise RemoteProtocolError(reason)
        taken = self._coordinator.leave(neighbour.exchange)
        rest = self._mixer.replica.samples = self._coordinator.weight
        if rest > 1:
            self._lean(neighbour, -taken / rest)
        answer = self._mixer.apply(neighbour, request)
        if half.activity == Purpose.JOIN:
            self._coordinator.join(neighbour.exchange, half.samples)
            self._lean(neighbour, half.samples / self._coordinator.weight)
        self._publish()
        await self._mixer.send(neighbour, answer)

    def _lean(self, neighbour: Neighbour, share: float) -> None:
        """Towards a client's anchor, or away from it.

        A client holds what the anchor says, and what it has not told yet.  So with the anchor it
        brings its part of our model when it comes, and takes it along when it goes.
        """
        if share and self._mixer.central.merges:
            replica = self._mixer.replica
            anchor = self._mixer.state_beyond(neighbour.exchange).anchor
            replica.parameters += np.float32(share) * (anchor - replica.parameters)

    def _note_purpose(self, client: bytes, half: Side) -> None:
        if half.activity == Purpose.JOIN:
            self._coordinator.join(client, half.samples)
        else:
            self._coordinator.leave(client)

    async def _take_update(self, neighbour: Neighbour, request: Request, half: Side) -> None:
        delta = self._mixer.central.read(half.payload)
        judgement = self._coordinator.take(
            neighbour.exchange, request.sequence, half.samples, delta, trio.current_time()
        )
        if judgement.refusal is not None:
            self._refuse(neighbour, judgement.refusal)
        if judgement.verdict is Verdict.WAITS:
            self._held[neighbour.exchange] = neighbour, request
        elif self._coordinator.is_over(trio.current_time()):  # a buffer that is full
            self._move(self._coordinator.close())
            answer = self._mixer.apply(neighbour, request)
            self._checkpoints.write_model()
            await self._mixer.send(neighbour, answer)
        else:
            await self._mixer.send(neighbour, self._mixer.apply(neighbour, request))
        self._heard.set()

    async def _close_if_over(self) -> None:
        if not self._coordinator.is_over(trio.current_time()):
            return
        closing = self._coordinator.close()
        self._move(closing)
        held = [self._held.pop(client) for client in closing.invited]
        answers = [(each, self._mixer.apply(each, request)) for each, request in held]
        self._checkpoints.write_model()
        self._checkpoints.note_round()
        self._report(closing)
        assert self._nursery is not None
        for neighbour, answer in answers:
            self._nursery.start_soon(self._send, neighbour, answer)

    def _move(self, closing: Closing) -> None:
        """The model makes the step of a round."""
        replica = self._mixer.replica
        replica.parameters += closing.step.astype(np.float32)
        self._publish()

    def _publish(self) -> None:
        """The model itself is what others are to predict with: it is a mean already."""
        replica = self._mixer.replica
        replica.average[:] = replica.parameters
        replica.rounds = self._coordinator.round
        replica.samples = self._coordinator.weight

    def _finish_buffer(self) -> None:
        """What is in a buffer was answered, so it would be lost with us."""
        if self._coordinator.buffers and self._coordinator.heard:
            self._move(self._coordinator.close())

    async def _send(self, neighbour: Neighbour, answer: ExchangeMessage | None) -> None:
        try:
            await self._mixer.send(neighbour, answer)
        except PeerError as error:
            neighbour.end(str(error))

    async def _gossip(self, interval_s: float) -> None:
        """With other seeds; each stands for all whom it leads."""
        assert self._nursery is not None
        while True:
            await trio.sleep(float(self._rng.exponential(interval_s)))
            other = self._mesh.pick(self._rng, self._is_ready)
            if other is not None:
                self._mixer.replica.samples = self._coordinator.weight
                self._nursery.start_soon(self._offer, other)
            self._publish()
            if self._releases.moves:
                self._finish_buffer()  # or the model would be written without what is in it
            await self._releases.attend()
            if not (self._coordinator.buffers and self._coordinator.heard):
                self._checkpoints.note_round()

    def _is_ready(self, seed: Neighbour) -> bool:
        return not self._releases.keeps_from(seed) and self._mixer.is_ready(seed, self._resend_s)

    async def _offer(self, neighbour: Neighbour) -> None:
        try:
            await self._mixer.offer_to(neighbour)
        except PeerError as error:
            neighbour.end(str(error))

    def _refuse(self, neighbour: Neighbour, reason: str) -> None:
        self.refused += 1
        self._observer.emit("update.refused", peer=neighbour.name, reason=reason)

    def _report(self, closing: Closing) -> None:
        if trio.current_time() - self._reported_s < REPORT_S:
            return
        self._reported_s = trio.current_time()
        self._observer.emit(
            "central.round",
            round=self._coordinator.round,
            updates=closing.updates,
            clients=len(self._mesh.central),
            samples=self._coordinator.weight,
        )
