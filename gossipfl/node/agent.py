"""One node: the services of its nursery, and how they are put together."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final

import trio

from gossipfl.agreement import Agreement
from gossipfl.central.coordinator import Coordinator
from gossipfl.config import NodeConfig
from gossipfl.data.drift import DriftWatch
from gossipfl.data.statistics import MomentSet
from gossipfl.gossip.allowance import Allowance
from gossipfl.gossip.replica import Replica
from gossipfl.gossip.scheme import Scheme
from gossipfl.learning.best import BestWatch
from gossipfl.node.answers import Answers
from gossipfl.node.coordination import Coordination
from gossipfl.node.durations import Durations
from gossipfl.node.growth import Growth
from gossipfl.node.inputs import PreparedInputs
from gossipfl.node.lateness import SAMPLES_MAX, watch_lateness
from gossipfl.node.lead import Lead
from gossipfl.node.learners import Material, Studies, make_studies
from gossipfl.node.membership import Membership
from gossipfl.node.mixer import LINKS_MAX, Mixer
from gossipfl.node.network import SEEDS_MAX, Network
from gossipfl.node.releases import Releases
from gossipfl.node.rounds import Rounds
from gossipfl.node.sharing import Sharing
from gossipfl.node.state.checkpoints import MEMBERS, Checkpoints, restore_replica
from gossipfl.node.state.journal import Journal
from gossipfl.node.state.store import Saved, Store
from gossipfl.node.surroundings import Surroundings
from gossipfl.releases.envelope import decode_file

NO_LINKS: Final[Mapping[bytes, Scheme]] = MappingProxyType({})


class Agent:
    """A node that is ready to run; everything blocking has been done."""

    def __init__(
        self,
        config: NodeConfig,
        manifest: Agreement,
        membership: Membership,
        material: Material,
        store: Store,
        saved: Saved,
        around: Surroundings,
        beyond: Mapping[bytes, Scheme] = NO_LINKS,
    ) -> None:
        """beyond: schemes of links that are not the mesh's, for whoever drives them.

        Raises DataError when readings do not suit the manifest's model.
        """
        self._config = config
        self._manifest = manifest
        self._membership = membership
        self._around = around
        self._store = store
        self._lateness = Durations(SAMPLES_MAX)
        own_key = membership.certificate.public_key
        self._coordinator = material if isinstance(material, Coordinator) else None
        self._network = self._make_network()
        self._beyond = beyond
        self._journal = Journal(store, saved.position, around.run_blocking, around.observer)
        self._sharing = Sharing(
            MomentSet(manifest.groups),
            membership,
            self._network.mesh,
            around.observer,
            pooled=manifest.pools_statistics,
        )
        self._studies = self._make_studies(material, own_key, saved)
        self._mixer = self._make_mixer(own_key, saved)
        self._network.overlay.recall(saved.kept.get(MEMBERS, ()), trio.current_time())
        self._best = BestWatch(saved.model.best if saved.model else None)
        self._checkpoints = Checkpoints(
            self._journal,
            self._mixer,
            self._studies.learner,
            self._sharing,
            self._best,
            self._network.overlay.remember,
            config.checkpoint_interval_s,
        )
        self._releases = Releases(
            manifest,
            membership,
            self._network.mesh,
            self._mixer,
            self._studies.learner,
            self._checkpoints,
            self._journal,
            around,
            saved,
        )
        self._lead = self._make_lead()
        self._rounds = self._make_rounds(saved)
        exchanges = self._mixer if isinstance(self._rounds, Rounds) else self._rounds
        warmth = self._mixer.warmth
        self._network.serve(exchanges, self._sharing, self._releases, warmth)
        self._growth = self._make_growth()
        self.answers = Answers(
            manifest,
            membership.certificate,
            self._network,
            self._studies,
            self._mixer,
            self._lead,
            self._rounds.progress,
            self._best,
            self._growth,
            self._sharing,
            self._releases,
            self._lateness,
            around.observer,
        )

    async def run(self, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED) -> None:
        """Until cancelled, or until the configured number of rounds is done.

        Reports the bound address once peers can dial us.  What was learnt is written at the end.
        """
        # Shielded: the last checkpoint is queued when all else has been cancelled already.
        writing = trio.CancelScope(shield=True)
        async with trio.open_nursery() as outer:
            outer.start_soon(run_in, writing, self._journal.run)
            try:
                async with trio.open_nursery() as nursery:
                    await self._start(nursery, task_status)
                    await self._run_rounds()
                    nursery.cancel_scope.cancel()
            finally:
                self._checkpoints.write_model()
                self._checkpoints.write_links()
                writing.cancel()

    async def _start(self, nursery: trio.Nursery, task_status: trio.TaskStatus[str]) -> None:
        await nursery.start(self._releases.run)
        await self._network.start(nursery)
        if self._config.lateness_interval_s:
            nursery.start_soon(watch_lateness, self._lateness, self._config.lateness_interval_s)
        if self._coordinator is None:
            nursery.start_soon(self._lead.run)
        if self._growth is not None:
            nursery.start_soon(self._growth.run, self._config.folder_interval_s)
        name, address = self._membership.certificate.name, self._network.address
        self._around.observer.emit("node.ready", name=name, address=address)
        task_status.started(address)

    async def _run_rounds(self) -> None:
        config = self._config
        await self._rounds.run(config.interval_s, config.settle_s, config.rounds)

    def _make_network(self) -> Network:
        config, seat = self._config, self._coordinator
        central_max = SEEDS_MAX if seat is None else seat.clients_max
        return Network(config, self._manifest, self._membership, self._around, central_max)

    def _make_studies(self, material: Material, own_key: bytes, saved: Saved) -> Studies:
        moments = self._sharing.moments
        # A node that goes by its own statistics takes them anew: its readings may have changed.
        for entry in saved.model.moments if saved.model and self._sharing.pooled else ():
            moments.add(moments.decode(entry))
        return make_studies(
            self._manifest,
            material,
            self._sharing,
            own_key,
            seed=int(self._around.rng.integers(2**32)),
            saved=saved.model,
        )

    def _make_mixer(self, own_key: bytes, saved: Saved) -> Mixer:
        manifest, learner = self._manifest, self._studies.learner
        replica = Replica(
            manifest.initial(),
            samples=learner.samples,
            step_size=learner.step_size,
            activity=2 * manifest.keep_ratio,
            caution=manifest.make_caution(int(self._around.rng.integers(2**32))),
        )
        if saved.model is not None:
            restore_replica(replica, saved.model)
        allowance = Allowance(self._config.limits, trio.current_time())
        limit = allowance.payload_bytes if self._config.limits else None
        scheme: Scheme = manifest.make_scheme(limit=limit)
        seat = self._coordinator
        mixer = Mixer(
            replica,
            scheme,
            manifest.make_central(is_seed=seat is not None, limit=limit),
            own_key,
            self._journal,
            self._around.observer,
            allowance,
            lambda: self._network.sessions.traffic().sent_bytes,
            LINKS_MAX + (0 if seat is None else seat.clients_max),
            self._beyond,
        )
        mixer.restore(saved)
        return mixer

    def _make_lead(self) -> Lead:
        return Lead(
            self._config.fallback,
            self._network.mesh,
            self._mixer,
            self._network.others,
            self._around.observer,
            self._config.resend_s,
            visits=self._mixer.central.merges,
        )

    def _make_rounds(self, saved: Saved) -> Rounds | Coordination:
        if self._coordinator is not None:
            return self._make_coordination(self._coordinator, saved)
        return Rounds(
            self._studies.learner,
            self._studies.inputs,
            self._mixer,
            self._network.mesh,
            self._checkpoints,
            self._best,
            self._around.run_blocking,
            self._around.observer,
            self._around.rng,
            self._network.course,
            self._releases,
            self._lead,
            resend_s=self._config.resend_s,
            stop_after=self._config.stop_after,
        )

    def _make_coordination(self, coordinator: Coordinator, saved: Saved) -> Coordination:
        coordination = Coordination(
            coordinator,
            self._mixer,
            self._network.mesh,
            self._checkpoints,
            self._around.observer,
            self._around.rng,
            self._releases,
            self._config.resend_s,
        )
        coordination.restore(saved)
        return coordination

    def _make_growth(self) -> Growth | None:
        inputs, around = self._studies.inputs, self._around
        if not isinstance(inputs, PreparedInputs) or inputs.folder is None:
            return None
        return Growth(
            inputs,
            inputs.folder,
            DriftWatch(inputs.readings.train, around.rng),
            self._rounds.progress,
            around.run_blocking,
            around.observer,
            threshold=self._config.drift_warning,
        )

    @property
    def journal(self) -> Journal:
        """Where links beyond the mesh are written as well."""
        return self._journal

    @property
    def mixer(self) -> Mixer:
        """The model, and the links that it is mixed on."""
        return self._mixer

    @property
    def instance(self) -> str:
        """What this life of the node is called: in links, by mDNS and in topologies."""
        return self._network.instance

    async def take_revocations(self, signed: bytes) -> None:
        """Adopt a list that came by hand.  Raises Untrusted when it is not the authority's."""
        await self._sharing.take_revocations(signed, None)

    async def take_release(self, file: bytes) -> None:
        """Adopt what the operator published.  Raises Untrusted when it is not news of theirs."""
        await self._releases.publish(*decode_file(file))


async def run_in(scope: trio.CancelScope, service: Callable[[], Awaitable[None]]) -> None:
    """A service in a scope of its own, to outlive the rest and be stopped last."""
    with scope:
        await service()
