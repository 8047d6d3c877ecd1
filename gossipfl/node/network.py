"""Finding, watching and keeping neighbours: all of a node between transport and exchanges."""

from collections.abc import Callable
from typing import Final

import trio

from gossipfl.agreement import Agreement
from gossipfl.config import NodeConfig
from gossipfl.errors import ConfigError, PeerError
from gossipfl.membership.book import AddressBook
from gossipfl.membership.overlay import Overlay
from gossipfl.membership.records import ADDRESSES_MAX, INSTANCE_BYTES, Id, Record
from gossipfl.membership.views import Views
from gossipfl.node.connector import Connector, run_discovery, run_loneliness_watch
from gossipfl.node.course import Course, parse_course
from gossipfl.node.membership import Membership
from gossipfl.node.mesh import Mesh
from gossipfl.node.mixer import LINKS_MAX
from gossipfl.node.neighbourhood import Neighbourhood
from gossipfl.node.relaying import Relaying
from gossipfl.node.releases import Releases
from gossipfl.node.session import Exchanges, Sessions
from gossipfl.node.sharing import Sharing
from gossipfl.node.surroundings import Surroundings
from gossipfl.transports.address import format_address, parse_address
from gossipfl.transports.discovery import Discovery
from gossipfl.transports.relay import RelayTransport
from gossipfl.wire.messages import Hello, Wish

# Addresses that nobody told us of in a record, by mDNS above all.
SIGHTINGS_MAX: Final = 256
# Seeds that a node is linked to: one leads it, the other one is for when that fails.
SEEDS_MAX: Final = 2
# Seeds that our record names as a way to us.
RELAYS_MAX: Final = 2
# Probe intervals between two looks whether somebody who died is back.
SEEK_PERIODS: Final = 6
ANY_HOST: Final = ("", "0.0.0.0", "::")


class Network:
    """The services that `start` starts, and what they share."""

    def __init__(
        self,
        config: NodeConfig,
        manifest: Agreement,
        membership: Membership,
        around: Surroundings,
        central_max: int = SEEDS_MAX,
    ) -> None:
        """central_max: links to have between seeds and clients.

        Raises ConfigError when the configured topology is none for this node.
        """
        self._config = config
        self._manifest_id = manifest.id
        self._membership = membership
        self._around = around
        self.instance = around.rng.bytes(INSTANCE_BYTES).hex()
        self._warmth: Callable[[bytes], int] = lambda key: 0
        self.address = ""
        settings = config.membership
        name = membership.certificate.name
        topology = parse_course(config.topology, name, manifest.seed)
        view_max = config.view_max if topology is None else LINKS_MAX
        views = Views(config.view, view_max, self._warmth_of, self._is_suspect)
        self.course = Course(
            topology,
            (self.instance, name),
            live=self._live,
            epoch=lambda: int(around.wall_clock() / config.interval_s),
        )
        self._transport = RelayTransport(around.transport)
        own_key = membership.certificate.public_key
        self.mesh = Mesh(own_key, views, settings.probe_interval_s, central_max)
        self.book = AddressBook(
            around.rng,
            settings.members_max + SIGHTINGS_MAX,
            self.mesh.is_live,
            self._wants,
            self.mesh.announce_change,
        )
        self.overlay = Overlay(
            membership.herald(bytes.fromhex(self.instance)),
            settings,
            membership.read_record,
            self.book if config.hints else None,
            around.rng,
            trio.current_time(),
            dials=self._dials,
        )

    def serve(
        self,
        exchanges: Exchanges,
        sharing: Sharing,
        releases: Releases,
        warmth: Callable[[bytes], int],
    ) -> None:
        """What links are for; to be called once, before `start`.

        warmth: exchanges ever made with the peer of a key.
        """
        self._warmth = warmth
        self._neighbourhood = Neighbourhood(
            self.overlay, self.mesh, self._around.observer, self._addresses, self._visit
        )
        self._relaying = Relaying(
            self.overlay.herald.id,
            self._is_seed,
            self._transport,
            self.mesh.find,
            self._around.observer,
        )
        self.sessions = Sessions(
            self._membership,
            self._hello,
            self.mesh,
            self.book,
            exchanges,
            sharing,
            releases,
            self._relaying,
            self._neighbourhood,
            self._config.handshake_timeout_s,
            self._around.observer,
        )

    async def start(self, nursery: trio.Nursery) -> None:
        """Start all services; peers can dial us when this returns."""
        around, config = self._around, self._config
        await nursery.start(self._neighbourhood.run)
        await nursery.start(self._relaying.run)
        self.address = await nursery.start(self._transport.serve, self.sessions.accept)
        nursery.start_soon(self._neighbourhood.watch_addresses)
        now_s = trio.current_time()
        for number, peer in enumerate(config.peer):
            self.book.note(f"static-{number}", (peer,), now_s=now_s, wait_s=0.0, fixed=True)
        nursery.start_soon(self._connector().run)
        nursery.start_soon(run_loneliness_watch, self.mesh, around.observer)
        if around.discovery is not None:
            nursery.start_soon(self._discover, around.discovery)

    def others(self) -> int:
        """Members that are known to live and are no seeds."""
        return sum(
            entry.obituary is None and not entry.record.certificate.is_seed
            for entry in self.overlay.roll
        )

    def members(self) -> dict[str, int]:
        """How many others we know, and how many of them are held to be dead."""
        known, living = len(self.overlay.roll), len(self.overlay.roll.living())
        return {"living": living, "dead": known - living}

    def _connector(self) -> Connector:
        return Connector(
            self._transport,
            self.sessions,
            self.mesh,
            self.book,
            self._around.observer,
            self._around.rng,
            self.course,
            self._config.handshake_timeout_s,
            self.overlay.roll.draw_dead,
            SEEK_PERIODS * self._config.membership.probe_interval_s,
        )

    async def _discover(self, discovery: Discovery) -> None:
        await run_discovery(
            discovery,
            self.book,
            self.instance,
            self._membership.cluster_tag,
            self._around.observer,
            self._around.rng,
            self._port,
        )

    @property
    def _port(self) -> int:
        """Where peers can dial us; 0 before we listen, and on transports without ports."""
        return parse_address(self.address)[1] if ":" in self.address else 0

    def _addresses(self) -> tuple[str, ...]:
        """Where we can be dialled now, as far as we can tell; by way of a seed last."""
        relayed = self._relaying.addresses(list(self.mesh))[:RELAYS_MAX]
        return (*self._direct_addresses()[: ADDRESSES_MAX - len(relayed)], *relayed)

    def _direct_addresses(self) -> tuple[str, ...]:
        if self._config.advertise or ":" not in self.address:
            return self._config.advertise
        host, port = parse_address(self.address)
        if host not in ANY_HOST:
            return (self.address,)
        return tuple(format_address(each, port) for each in self._around.hosts())

    def _hello(self, wish: Wish) -> Hello:
        revocations = self._membership.revocations.version
        return Hello(self._manifest_id, self.instance, self._port, revocations, wish.value)

    async def _visit(self, address: str) -> bool:
        """Whether a member answers there in time."""
        with trio.move_on_after(self._config.probe_timeout_s):
            try:
                link = await self._transport.dial(address)
            except (PeerError, ConfigError):
                return False
            return await self.sessions.visit(link)
        return False

    def _live(self) -> dict[str, str]:
        """Names of instances that we take for live: our neighbours, and members neither dead nor
        gone.

        Seeds are in no topology.
        """
        roll = self.overlay.roll
        records = [each.record for id in roll.living() if (each := roll.get(id)) is not None]
        told = {each.id: (each.instance, each.certificate.name) for each in records}
        found = {id: each for id, each in told.items() if not self.book.is_gone(each[0])}
        # A neighbour that was started anew is what its own hello says.
        linked = {each.id: (each.hello.instance, each.name) for each in self.mesh}
        seeds = self._seeds()
        return {
            instance: name for instance, name in (found | linked).values() if instance not in seeds
        }

    def _seeds(self) -> set[str]:
        """Instances of members that we know for seeds."""
        linked = self.mesh.peers if self._is_seed else self.mesh.central
        told = self.overlay.roll.seeds()
        return {each.hello.instance for each in linked} | {each.instance for each in told}

    def _dials(self, record: Record) -> bool:
        """A seed lets clients come to it, and dials none but seeds and whom it was told to."""
        return record.certificate.is_seed or not self._is_seed

    def _wants(self, instance: str) -> bool:
        return instance in self._seeds() if self._is_seed else self.course.wants(instance)

    @property
    def _is_seed(self) -> bool:
        return self._membership.certificate.is_seed

    def _warmth_of(self, peer: Id) -> int:
        neighbour = self.mesh.find(peer)
        return 0 if neighbour is None else self._warmth(neighbour.key)

    def _is_suspect(self, peer: Id) -> bool:
        return self.overlay.detector.is_suspect(peer)
