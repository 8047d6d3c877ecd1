"""Many clients of one seed in one process, which cost it what real ones do and little themselves.

Each has a certificate, an encrypted TCP link, its membership, its model and its end of the
exchange, all as a node has them.  What it leaves out is what only a node itself would notice: local
training, in whose place its model moves by noise, and the journal.  A client sends its next update
as soon as it has the seed's answer, so the seed is never without work.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import trio

from gossipfl.agreement import Agreement
from gossipfl.central.links import CentralLinks, Purpose, link_to
from gossipfl.gossip.exchange import Exchange
from gossipfl.gossip.link import LinkState
from gossipfl.gossip.replica import Replica
from gossipfl.manifest import open_manifest
from gossipfl.membership.effects import Effect, Send
from gossipfl.membership.overlay import Overlay
from gossipfl.membership.settings import Settings
from gossipfl.node.membership import Membership
from gossipfl.node.mesh import Neighbour
from gossipfl.node.surroundings import run_inline
from gossipfl.security.admission import Admission
from gossipfl.security.authority import Authority
from gossipfl.security.identity import DeviceKey
from gossipfl.security.revocations import RevocationList
from gossipfl.transports.secure import secure_dial
from gossipfl.transports.tcp import TcpTransport
from gossipfl.wire.messages import Hello, Members, Ping, Pong, Reply, Wish, decode, encode

SAMPLES = 30
HANDSHAKES_AT_A_TIME = 4
# Lengths of an update: a tenth of what tells two digits apart, or so.
STEP, NOISES = 0.02, 16


def admit(
    authority: Authority, cluster_key: bytes, manifest: bytes, count: int
) -> Iterator[Membership]:
    """Clients of a cluster, as its operator admits them; manifest: as it signed it."""
    revocations = authority.revoke(RevocationList())
    for number in range(count):
        key = DeviceKey.generate()
        certificate = authority.admit(
            f"client-{number}", key.public, ("peer",), 1000 + number, time.time(), 1
        )
        yield Membership(
            key,
            Admission(
                authority=authority.public,
                cluster_key=cluster_key,
                certificate=certificate,
                manifest=manifest,
                revocations=revocations,
            ),
            wall_clock=time.time,
            stored_revocations=None,
            keep_revocations=run_inline,
        )


def run_crowd(cluster: Path, count: int, address: str) -> None:
    """So many clients of the cluster in this directory, for a process of their own."""
    authority = Authority.from_seed((cluster / "authority.key").read_bytes())
    cluster_key, signed = ((cluster / name).read_bytes() for name in ("cluster.key", "manifest"))
    members = list(admit(authority, cluster_key, signed, count))
    trio.run(Crowd(open_manifest(signed, authority.public), members).run, address)


class Crowd:
    """All of them; they begin with their updates when the seed has answered everybody once."""

    def __init__(self, manifest: Agreement, members: list[Membership]) -> None:
        self._joined = 0
        self._all_joined = trio.Event()
        self._manifest = manifest
        self._members = members
        self._scheme = manifest.make_central(is_seed=False)
        rng = np.random.default_rng(0)
        self._noises = STEP * rng.normal(size=(NOISES, manifest.parameters)).astype(np.float32)

    async def run(self, address: str) -> None:
        """Until cancelled, or until a client's link fails, which it never should."""
        dials = trio.CapacityLimiter(HANDSHAKES_AT_A_TIME)
        async with trio.open_nursery() as nursery:
            for number, membership in enumerate(self._members):
                client = Client(self._manifest, self._scheme, membership, number)
                nursery.start_soon(self._live, client, dials, address)

    async def _live(self, client: "Client", dials: trio.CapacityLimiter, address: str) -> None:
        async with dials:
            neighbour = await client.meet(address)
            await client.offer(Purpose.JOIN)
            await client.answered()
        self._joined += 1
        if self._joined == len(self._members):
            self._all_joined.set()
        await self._all_joined.wait()
        async with neighbour.link:
            for round_ in range(10**9):
                client.learn(self._noises[(client.number + round_) % NOISES])
                await client.offer(Purpose.UPDATE)
                await client.answered()


class Client:
    """One of them."""

    def __init__(
        self, manifest: Agreement, scheme: CentralLinks, membership: Membership, number: int
    ) -> None:
        self.number = number
        self._manifest_id = manifest.id
        self._membership = membership
        self._scheme = scheme
        self._replica = Replica(
            manifest.initial(), samples=SAMPLES, step_size=1.0, activity=2 * manifest.keep_ratio
        )
        rng = np.random.default_rng(number)
        self._instance = rng.bytes(8)
        herald = membership.herald(self._instance)
        self._overlay = Overlay(
            herald, Settings(), membership.read_record, None, rng, trio.current_time()
        )

    async def meet(self, address: str) -> Neighbour:
        """Shake hands, and tell each other who is there."""
        link = await TcpTransport().dial(address)
        secure = await secure_dial(link, self._membership.credentials())
        hello = Hello(self._manifest_id, self._instance.hex(), 0, 0, Wish.LINK.value)
        await secure.send(encode(hello))
        theirs = decode(await secure.receive())
        assert isinstance(theirs, Hello), theirs
        now_s = trio.current_time()
        self._seed = Neighbour(secure, theirs, True, address, heard_s=now_s, is_central=True)
        public = self._membership.certificate.public_key
        self._exchange = Exchange(
            LinkState(self._scheme.new_anchor()),
            self._scheme,
            link=link_to(self._seed.key),
            ours_first=public < self._seed.key,
        )
        instance = bytes.fromhex(theirs.instance)
        await self._perform(self._overlay.linked(self._seed.id, instance, now_s))
        return self._seed

    def learn(self, step: np.ndarray) -> None:
        """In the place of local training."""
        start = self._replica.start().copy()
        self._replica.trained(start, start + step, 1.0)

    async def offer(self, purpose: Purpose) -> None:
        """Send the seed what was learnt."""
        self._scheme.purpose = purpose
        request, _ = self._exchange.offer(self._replica)
        await self._seed.send(request)

    async def answered(self) -> None:
        """Do what the seed asks for until it answers, and take its model."""
        while True:
            match message := await self._seed.receive():
                case Reply():
                    outcome = self._exchange.receive(self._replica, message)
                    assert outcome.records, "the seed and its client are out of step"
                    return
                case Members():
                    now_s = trio.current_time()
                    await self._perform(self._overlay.receive(self._seed.id, message, now_s))
                case Ping():
                    await self._seed.send(Pong())

    async def _perform(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Send):
                await self._seed.send(effect.message)
