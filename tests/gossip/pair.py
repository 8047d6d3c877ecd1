"""Two ends of one link, a network between them that misbehaves, and disks that survive crashes."""

import copy
from dataclasses import dataclass, field

import numpy as np

from gossipfl.compression import DenseCodec, SparseCodec
from gossipfl.gossip.anchored import AnchoredGossip
from gossipfl.gossip.caution import Caution
from gossipfl.gossip.exchange import Exchange, ExchangeMessage
from gossipfl.gossip.link import LinkState, Record
from gossipfl.gossip.plain import PlainGossip
from gossipfl.gossip.replica import Replica
from gossipfl.gossip.scheme import Scheme
from gossipfl.wire.messages import decode, encode

SIZE = 120
TENSORS = ((0, 100), (100, 120))


def initial_model() -> np.ndarray:
    return np.random.default_rng(5).normal(size=SIZE).astype("f4")


def make_scheme(name: str) -> Scheme:
    if name == "plain":
        return PlainGossip(DenseCodec(SIZE))
    codec = SparseCodec(SIZE, TENSORS, keep_ratio=0.05, bits=1)
    return AnchoredGossip(
        codec, SparseCodec(SIZE, TENSORS, keep_ratio=0.2, bits=2), initial_model()
    )


@dataclass
class End:
    """One node with a disk: a snapshot from the start and every record since."""

    scheme: Scheme
    ours_first: bool
    samples: int
    caution: bool = False
    records: list[Record] = field(default_factory=list)
    inbox: list[bytes] = field(default_factory=list)
    trained: list[np.ndarray] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._boot()

    def _boot(self) -> None:
        self.replica = Replica(
            initial_model(),
            samples=self.samples,
            step_size=1.0,
            activity=0.1,
            caution=Caution(SIZE, self.samples) if self.caution else None,
        )
        state = LinkState(self.scheme.new_anchor())
        self.exchange = Exchange(state, self.scheme, link=b"peer", ours_first=self.ours_first)

    def crash_and_restart(self) -> None:
        """Everything in memory is gone; training is on disk too, so that sums can be compared."""
        self._boot()
        for record in self.records:
            self.exchange.replay_on_link(record)
            self.exchange.replay_on_replica(self.replica, record)
        for step in self.trained:
            self.replica.parameters += step

    def train(self, rng: np.random.Generator) -> None:
        step = rng.normal(size=SIZE).astype("f4")
        self.trained.append(step)
        self.replica.parameters += step

    def open_or_repeat(self) -> bytes:
        request = self.exchange.repeat()
        if request is None:
            request, record = self.exchange.offer(self.replica)
            self.records.append(record)
        return encode(request)

    def take(self, frame: bytes) -> bytes | None:
        message = decode(frame)
        assert isinstance(message, ExchangeMessage)
        outcome = self.exchange.receive(self.replica, message)
        self.records += copy.deepcopy(outcome.records)
        return None if outcome.answer is None else encode(outcome.answer)


def make_pair(
    scheme: str, samples: tuple[int, int] = (3, 5), *, caution: bool = False
) -> tuple[End, End]:
    first = End(make_scheme(scheme), True, samples[0], caution)
    return first, End(make_scheme(scheme), False, samples[1], caution)


def settle(first: End, second: End) -> None:
    """A perfect network from now on: deliver and repeat until nothing is open."""
    for _ in range(50):
        for here, there in ((first, second), (second, first)):
            if here.exchange.state.pending is not None:
                there.inbox.append(here.open_or_repeat())
            while there.inbox:
                answer = there.take(there.inbox.pop(0))
                if answer is not None:
                    here.inbox.append(answer)
        open_ends = first.inbox or second.inbox
        pending = first.exchange.state.pending or second.exchange.state.pending
        if not open_ends and not pending:
            return
    raise AssertionError("the link does not settle")
