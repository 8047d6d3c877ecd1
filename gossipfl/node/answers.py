"""What a running node answers to those who may ask: its owner, on the status socket."""

import time
from collections.abc import Callable
from typing import Any

import trio

from gossipfl import __version__
from gossipfl.agreement import Agreement
from gossipfl.learning.best import BestWatch
from gossipfl.node.durations import Durations
from gossipfl.node.growth import Growth
from gossipfl.node.lead import Lead
from gossipfl.node.learners import Studies
from gossipfl.node.memory import peak_bytes
from gossipfl.node.mixer import Mixer
from gossipfl.node.network import Network
from gossipfl.node.observer import Observer
from gossipfl.node.releases import Releases
from gossipfl.node.rounds import Progress
from gossipfl.node.sharing import Sharing
from gossipfl.node.status import Answer, encode_vector
from gossipfl.security.certificates import Certificate


class Answers:
    """One method a question."""

    def __init__(
        self,
        manifest: Agreement,
        certificate: Certificate,
        network: Network,
        studies: Studies,
        mixer: Mixer,
        lead: Lead,
        progress: Progress,
        best: BestWatch,
        growth: Growth | None,
        sharing: Sharing,
        releases: Releases,
        lateness: Durations,
        observer: Observer,
    ) -> None:
        self._started_s = time.monotonic()
        self._manifest = manifest
        self._certificate = certificate
        self._network = network
        self._studies = studies
        self._mixer = mixer
        self._lead = lead
        self._progress = progress
        self._best = best
        self._growth = growth
        self._sharing = sharing
        self._releases = releases
        self._lateness = lateness
        self._observer = observer

    def by_name(self) -> dict[str, Callable[[], Answer]]:
        """What can be asked."""
        return {"status": self.status, "model": self.model, "latencies": self.latencies}

    def latencies(self) -> Answer:
        """Of the newest exchanges that we opened: milliseconds from request to reply."""
        return {"exchange_ms": [round(each, 3) for each in self._mixer.latencies.newest_ms]}

    def model(self) -> Answer:
        """The whole model to predict with, the statistics that it expects inputs in, and what is
        gossiped of it as it is in the middle of learning; `best` is whole as well.

        A release that is tried here takes the place of the first.
        """
        replica, best, learner = self._mixer.replica, self._best.kept, self._studies.learner
        released = self._releases.in_use
        average = replica.average if released is None else released
        scale = self._sharing.moments.scale() if self._manifest.groups else None
        return {
            "rounds": replica.rounds,
            "average": encode_vector(learner.complete(average)),
            "parameters": encode_vector(replica.parameters),
            "best": None if best is None else encode_vector(best.parameters),
            "mean": None if scale is None else encode_vector(scale.mean),
            "inverse_deviation": None if scale is None else encode_vector(scale.inverse_deviation),
        }

    def status(self) -> Answer:
        """Counts and aggregates: nothing from which a reading could be told."""
        certificate, replica = self._certificate, self._mixer.replica
        progress, traffic = self._progress, self._network.sessions.traffic()
        return {
            "version": __version__,
            "name": certificate.name,
            "roles": list(certificate.roles),
            "address": self._network.address,
            "cluster": self._manifest.cluster,
            "manifest": self._manifest.id.hex(),
            "uptime_s": round(time.monotonic() - self._started_s, 1),
            "state": progress.state,
            "mode": self._lead.mode.value,
            "model": self._manifest.summary(),
            "private": list(self._manifest.private),
            "samples": replica.samples,
            "rounds": replica.rounds,
            "readings": self._studies.inputs.seen,
            "files_refused": [] if self._growth is None else self._growth.refused,
            "drift": progress.drift,
            "drift_feature": progress.drift_feature,
            "label_drift": progress.label_drift,
            "loss": _number(progress.loss),
            "validation_loss": progress.validation_loss,
            "best_validation_loss": self._best.kept.loss if self._best.kept else None,
            "best_round": self._best.kept.round if self._best.kept else None,
            "accuracy": progress.accuracy,
            "error": progress.error,
            "residual": replica.guard.residual,
            "exchanges": self._mixer.applied,
            "links_seeded": self._mixer.planted,
            "sent_bytes": traffic.sent_bytes,
            "received_bytes": traffic.received_bytes,
            "sent_frames": traffic.sent_frames,
            "received_frames": traffic.received_frames,
            "memory_bytes": peak_bytes(),
            "lateness": self._lateness.statistics(),
            "exchange": self._mixer.latencies.statistics(),
            "events": dict(sorted(self._observer.counts.items())),
            "release": self._releases.status(),
            "settings_release": self._releases.settings_status(),
            "members": self._network.members(),
            "neighbours": self._neighbours(),
        }

    def _neighbours(self) -> list[dict[str, Any]]:
        now_s = trio.current_time()
        return [
            {
                "name": neighbour.name,
                "address": neighbour.address,
                "dialled": neighbour.dialled,
                "central": neighbour.is_central,
                "exchanges": neighbour.exchanges,
                "cipher": neighbour.link.protocol,
                "granted": round(self._mixer.replica.granted(neighbour.key), 2),
                "silent_s": round(now_s - neighbour.heard_s, 1),
            }
            for neighbour in self._network.mesh
        ]


def _number(value: float) -> float | None:
    return None if value != value else value
