"""One device's session: frames in, answers and journal records out.

The device is one end of a link, and always the one that opens an exchange; the gateway's replica is
the other.  The exchange itself is gossipfl.gossip.exchange, as between any two nodes, but that a
seed is the whole anchor and travels in chunks, which the device asks for one by one.
"""

from attrs import evolve, frozen

from gossipfl.devices.frames import TO_DEVICE, read_head, seal
from gossipfl.devices.keyring import Keyring
from gossipfl.devices.messages import (
    BATTERY_UNKNOWN,
    CHUNK_HEAD_BYTES,
    GREET_ME,
    HOLDS_NOTHING,
    NO_UPLOADS,
    Chunk,
    Fetch,
    FromDevice,
    GoodNight,
    Grant,
    Hello,
    Key,
    Offer,
    Orders,
    Refusal,
    Reply,
    Samples,
    Taken,
    ToDevice,
    decode,
    encode,
)
from gossipfl.devices.plan import DevicePlan
from gossipfl.devices.uploads import Uploads
from gossipfl.errors import RemoteProtocolError, Untrusted
from gossipfl.gossip.exchange import Exchange
from gossipfl.gossip.link import LinkState, Record, seed_digest
from gossipfl.gossip.replica import Replica
from gossipfl.wire.messages import Mismatch, Request, Seed
from gossipfl.wire.messages import Reply as LinkReply


@frozen
class Outcome:
    """What one frame led to.  The keyring, the records and what Samples added to the session's
    uploads are to be stored before `frame` is sent.

    frame: the answer, sealed.  message, answer: what the device said, and what it is told.
    """

    frame: bytes
    message: FromDevice
    answer: ToDevice
    keyring: Keyring
    records: tuple[Record, ...]


class DeviceSession:
    """The gateway's end of one device's link.

    state: of the link; a new one for a device that was never seen.
    replica: what the device's deltas are merged with.
    uploads: where the samples of a device go that cannot train; None: they are refused.
    """

    def __init__(
        self,
        keyring: Keyring,
        plan: DevicePlan,
        replica: Replica,
        state: LinkState,
        uploads: Uploads | None = None,
    ) -> None:
        self.keyring = keyring
        self.uploads = uploads
        self.replica = replica
        self.state = state
        self._plan = plan
        self._hello: Hello | None = None
        self._exchange: Exchange | None = None
        self._rotating: int | None = None

    def rotate(self) -> None:
        """Have the device ask for its next key, instead of the next exchange."""
        self._rotating = self.keyring.identity.epoch

    @property
    def rotating(self) -> bool:
        """Whether it has still to do so."""
        return self._rotating == self.keyring.identity.epoch and self.keyring.may_rotate()

    def receive(self, frame: bytes, chance: bytes) -> Outcome:
        """Take one frame in; chance: CHANCE_BYTES that nobody can guess, new for every frame.

        Raises Untrusted for frames that no one but another made, or that have come before, and
        RemoteProtocolError for a message that makes no sense.  Neither changes the link.
        """
        head = read_head(frame)
        self.keyring, identity, content = self.keyring.open(head, frame)
        message = decode(content)
        if isinstance(message, ToDevice):
            raise RemoteProtocolError(f"a device that says {type(message).__name__}")
        if identity.epoch == 0 and not isinstance(message, Key):
            raise Untrusted(f"device {head.id.hex()}: its code is good for a key, not for more")
        answer, records = self._answer(message, chance)
        sealed = seal(identity, TO_DEVICE, head.counter, encode(answer))
        return Outcome(sealed, message, answer, self.keyring, records)

    def _answer(self, message: FromDevice, chance: bytes) -> tuple[ToDevice, tuple[Record, ...]]:
        if isinstance(message, Key):
            self.keyring = self.keyring.grant(message.chance, chance)
            return Grant(chance), ()
        if isinstance(message, Hello):
            return self._on_hello(message) if message.parameters_max else self._meet(message)
        if isinstance(message, Samples):
            return self._on_samples(message)
        if self._hello is None or self._exchange is None:
            return Refusal(GREET_ME), ()
        if isinstance(message, Offer) and self.rotating:
            return self._orders(self._hello), ()
        if isinstance(message, Offer):
            return self._on_offer(message, self._hello, self._exchange)
        if isinstance(message, Fetch):
            return self._on_fetch(message, self._hello, self._exchange)
        return GoodNight(), ()

    def _meet(self, hello: Hello) -> tuple[ToDevice, tuple[Record, ...]]:
        """A device that cannot train."""
        self._hello = self._exchange = None
        reason = self._plan.reason_against_rows(hello)
        return (self._taken() if reason is None else Refusal(reason)), ()

    def _on_samples(self, samples: Samples) -> tuple[ToDevice, tuple[Record, ...]]:
        if self.uploads is not None:
            self.uploads.take(samples.first, samples.content)
        return self._taken(), ()

    def _taken(self) -> ToDevice:
        if self.uploads is None:
            return Refusal(NO_UPLOADS)
        return Taken(int(self.rotating), self.uploads.wanted, self._plan.interval_s)

    def _on_hello(self, hello: Hello) -> tuple[ToDevice, tuple[Record, ...]]:
        reason = self._plan.reason_against(hello)
        if reason is not None:
            self._hello = self._exchange = None
            return Refusal(reason), ()
        self._hello = hello
        scheme = self._plan.scheme(hello)
        self._exchange = Exchange(
            self.state, scheme, link=self.keyring.identity.id, ours_first=True
        )
        if self._agrees(hello):
            return self._orders(hello), ()
        return self._seed(hello, self._exchange)

    def _agrees(self, hello: Hello) -> bool:
        """Whether the device stands where we do, or one exchange behind, which it will repeat."""
        state = self.state
        return (hello.sequence, hello.digest) in (
            (state.sequence, state.digest),
            (state.sequence - 1, state.before),
        )

    def _seed(self, hello: Hello, exchange: Exchange) -> tuple[ToDevice, tuple[Record, ...]]:
        """Orders to fetch an anchor: the one that is on its way already, or a new one."""
        outcome = exchange.receive(self.replica, Mismatch(0, HOLDS_NOTHING))
        return self._orders_to_fetch(hello), outcome.records

    def _orders_to_fetch(self, hello: Hello) -> Orders:
        seed = self.state.seed
        assert seed is not None
        return evolve(self._orders(hello), seed=seed_digest(seed), seed_bytes=len(seed))

    def _orders(self, hello: Hello) -> Orders:
        return self._plan.orders(hello, rotate=self.rotating)

    def _on_offer(
        self, offer: Offer, hello: Hello, exchange: Exchange
    ) -> tuple[ToDevice, tuple[Record, ...]]:
        request = Request(offer.sequence, offer.digest, 0, offer.samples, offer.payload)
        outcome = exchange.receive(self.replica, request)
        if isinstance(outcome.answer, LinkReply):
            return self._reply(outcome.answer), outcome.records
        if isinstance(outcome.answer, Seed):
            return self._orders_to_fetch(hello), outcome.records
        return self._seed(hello, exchange)

    def _reply(self, reply: LinkReply) -> ToDevice:
        assert self.state.last is not None
        return Reply(
            reply.sequence,
            reply.digest,
            BATTERY_UNKNOWN,
            self.state.last.ours.samples,
            reply.payload,
        )

    def _on_fetch(
        self, fetch: Fetch, hello: Hello, exchange: Exchange
    ) -> tuple[ToDevice, tuple[Record, ...]]:
        seed = self.state.seed
        if seed is None or fetch.seed != seed_digest(seed) or fetch.offset >= len(seed):
            return self._seed(hello, exchange)
        room = (hello.message_max - CHUNK_HEAD_BYTES) // 4 * 4
        return Chunk(fetch.offset, seed[fetch.offset : fetch.offset + room]), ()
