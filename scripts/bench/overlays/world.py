"""The network between members: frames that take time and get lost, dials, visits, power cuts."""

import functools
import math
from collections import Counter
from collections.abc import Callable

import numpy as np
from attrs import frozen

from gossipfl.membership.effects import Noted
from gossipfl.membership.records import id_of, open_record
from gossipfl.membership.settings import Settings
from gossipfl.security.authority import Authority
from gossipfl.security.certificates import Certificate, open_certificate
from gossipfl.security.identity import DeviceKey
from gossipfl.simulation.engine import Engine
from gossipfl.wire.messages import Message, encode
from overlays.member import Member

# Around an encoded message: length, counter and tag of a sealed frame.
SEAL_BYTES = 20
# Of one Visit, each way: the handshake and two hellos, as the node's own links count them.
VISIT_BYTES = 450


@frozen
class Network:
    """Of every path.  loss: of frames; latency_s: bounds, uniform."""

    loss: float = 0.0
    latency_s: tuple[float, float] = (0.005, 0.05)


QUIET = Network()


class World:
    """Members by number, and who listens to what they note (observer, event)."""

    def __init__(self, settings: Settings, seed: int, network: Network = QUIET) -> None:
        self.settings = settings
        self.network = network
        self.engine = Engine()
        self.members: list[Member] = []
        self.numbers: dict[bytes, int] = {}
        self.listeners: list[Callable[[int, Noted], None]] = []
        self.sent_bytes = self.sent_frames = 0
        self.rng = np.random.default_rng(seed)
        self.authority = Authority.from_seed(self.rng.bytes(32))
        # What thousands read is verified once: the cryptography is not what is measured here.
        self.read = functools.cache(lambda blob: open_record(blob, self._judge))

    def _judge(self, blob: bytes, public_key: bytes) -> Certificate:
        return open_certificate(
            blob,
            authority=self.authority.public,
            cluster_id=self.authority.cluster_id,
            public_key=public_key,
        )

    @property
    def now_s(self) -> float:
        return self.engine.now_s

    def admit(self) -> Member:
        """A member that is switched on and knows nobody."""
        number = len(self.members)
        key = DeviceKey.from_secret(self.rng.bytes(32))
        certificate = self.authority.admit(f"m{number}", key.public, ("peer",), number + 1, 0.0, 99)
        member = Member(self, number, key, certificate, self.rng.spawn(1)[0])
        self.members.append(member)
        self.numbers[id_of(key.public)] = number
        return member

    def populate(self, count: int) -> None:
        """So many members that know of each other, each with links that it dialled."""
        for _ in range(count):
            self.admit()
        records = [self.read(member.overlay.herald.record) for member in self.members]
        for member in self.members:
            for record in records:
                if record.id != member.id:
                    member.meet_on_paper(record)
        for member in self.members:
            member.act([])

    def grow(self, count: int, every_s: float) -> None:
        """So many members that come one by one, each knowing a random one of the others."""
        for _ in range(count):
            member = self.admit()
            if member.number:
                member.know(int(self.rng.integers(member.number)))
            self.run(every_s)

    def send(self, sender: int, receiver: int, message: Message) -> None:
        """Count it, and deliver it unless it is lost."""
        self.sent_bytes += len(encode(message)) + SEAL_BYTES
        self.sent_frames += 1
        if self.rng.random() >= self.network.loss:
            target = self.members[receiver]
            self.engine.schedule(self.latency(), lambda: target.arrive(sender, message))

    def round_trip(self, target: int, done: Callable[[bool], None], timeout_s: float) -> None:
        """Two frames there and back, then done(True); done(False) when there is no answer."""
        lost = self.rng.random() < 1 - (1 - self.network.loss) ** 2
        there_s = self.latency()

        def arrive() -> None:
            member = self.members[target]
            wait_s = math.inf if lost or not member.powered else member.awake_s - self.now_s
            answer_s = there_s + max(0.0, wait_s) + self.latency()
            answered = answer_s <= timeout_s
            self.engine.schedule(
                (answer_s if answered else timeout_s) - there_s, lambda: done(answered)
            )

        self.engine.schedule(there_s, arrive)

    def latency(self) -> float:
        """Seconds of one frame."""
        low, high = self.network.latency_s
        return low + (high - low) * float(self.rng.random())

    def visit(self, target: int, done: Callable[[bool], None], timeout_s: float) -> None:
        """A dial that only wants to know who is there."""
        self.sent_bytes += 2 * VISIT_BYTES
        self.round_trip(target, done, timeout_s)

    def note(self, observer: int, event: Noted) -> None:
        for listener in self.listeners:
            listener(observer, event)

    def run(self, seconds: float) -> None:
        self.engine.run_until(self.now_s + seconds)

    def kill(self, numbers: list[int]) -> None:
        """The power goes: no goodbye, and no end of a connection."""
        for number in numbers:
            self.members[number].powered = False

    def components(self) -> Counter[int]:
        """Sizes of the connected parts of those with power, over links that both ends have."""
        alive = [m for m in self.members if m.powered]
        parent = {m.number: m.number for m in alive}

        def root(number: int) -> int:
            while parent[number] != number:
                parent[number] = parent[parent[number]]
                number = parent[number]
            return number

        for member in alive:
            for other in member.links:
                if other in parent and member.number in self.members[other].links:
                    parent[root(member.number)] = root(other)
        return Counter(root(m.number) for m in alive)
