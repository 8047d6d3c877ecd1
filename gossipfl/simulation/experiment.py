"""One simulated run, from its description to its result."""

from collections.abc import Callable, Generator, Sequence
from typing import Any

import numpy as np
from attrs import field, frozen
from attrs.validators import ge, gt, in_, instance_of, lt, optional

from gossipfl.agreement import converter
from gossipfl.errors import ConfigError
from gossipfl.faults.script import QUIET, FaultScript
from gossipfl.gossip.allowance import Limits
from gossipfl.gossip.replica import Replica
from gossipfl.manifest import Manifest
from gossipfl.simulation.algorithms import make_baseline
from gossipfl.simulation.chance import stream
from gossipfl.simulation.checks import checked
from gossipfl.simulation.churn import Churn, OnOff, Presence, Trace
from gossipfl.simulation.engine import Engine
from gossipfl.simulation.faults import schedule_faults
from gossipfl.simulation.gossip import Gossip
from gossipfl.simulation.measurement import Candidate, Measurement, Point
from gossipfl.simulation.network import Conditions, Network
from gossipfl.simulation.population import Rows, populate
from gossipfl.simulation.threat import Threat, make_threat
from gossipfl.simulation.views import Views
from gossipfl.simulation.world import Algorithm, Member, World
from gossipfl.topologies.named import parse_topology
from gossipfl.topologies.weights import NAMES

Report = Callable[[Point], None]


@frozen(kw_only=True)
class Experiment:
    """Everything that a run depends on but its rows; equal experiments give equal results.

    manifest: model, training, compression.
    algorithm: "gossip" for the manifest's scheme, or a baseline (see algorithms.py).
    attack, attackers: what this share of the nodes does, drawn at random (see attacks/named.py);
        only the others are measured.
    nodes: how many share the rows, as `partition` says.
    topology: who may mix with whom (see topologies/named.py).
    renew_s: so often comes its next epoch; 0: every `interval_s` for a schedule, else never.
    repair_s: so often all learn who is live, and the graph is one of these; 0: who is away leaves
        gaps in it.
    mixing: weights of the algorithms that mix whole rows: "own" (the topology's), "metropolis",
        "uniform" or "samples".
    rounds: how many a node of mean speed makes; the run takes rounds * interval_s seconds.
    interval_s: mean time from round to round.
    speed_spread: the fastest node makes this many rounds for one of the slowest.
    resend_s: an unanswered request is repeated after so long.
    conditions: of the links.  churn: None when all stay.
    faults: what goes wrong when, beside conditions and churn.
    limits: on what every node sends; of the scheme, not of baselines.
    own_validation: share of its rows that each node holds back, to judge its own model on.
    evaluate_every: rounds between two looks at the mesh.
    seed: of everything but the initial model, whose seed is the manifest's.
    Raises ConfigError for a value outside its range.
    """

    manifest: Manifest
    nodes: int = field(validator=checked(instance_of(int), ge(1)))
    algorithm: str = "gossip"
    attack: str | None = None
    attackers: float = field(default=0.0, validator=checked(ge(0), lt(1)))
    partition: str = "iid"
    topology: str = "random:4"
    renew_s: float = field(default=0.0, validator=checked(ge(0)))
    repair_s: float = field(default=0.0, validator=checked(ge(0)))
    mixing: str = field(default="own", validator=checked(in_(NAMES)))
    rounds: int = field(default=150, validator=checked(instance_of(int), ge(1)))
    interval_s: float = field(default=1.0, validator=checked(gt(0)))
    speed_spread: float = field(default=1.0, validator=checked(ge(1)))
    resend_s: float = field(default=2.0, validator=checked(gt(0)))
    conditions: Conditions = field(factory=Conditions)
    churn: Churn | None = field(
        default=None, validator=checked(optional(instance_of((OnOff, Trace))))
    )
    faults: FaultScript = QUIET
    limits: Limits = field(factory=Limits)
    own_validation: float = field(default=0.0, validator=checked(ge(0), lt(1)))
    evaluate_every: int = field(default=10, validator=checked(instance_of(int), ge(1)))
    seed: int = field(default=0, validator=checked(instance_of(int), ge(0)))


@frozen(kw_only=True)
class Result:
    """A finished run.

    curve: looks at the mesh, the first before any round.
    scores: of the judged nodes at the end, on test rows.
    sent_bytes: per node; a coordinator's bytes are shared out to the nodes.
    rounds: per node that is honest.
    frames: all that were sent.  diverged: rounds that gave no finite numbers.
    """

    experiment: Experiment
    curve: Sequence[Point]
    scores: Sequence[float]
    sent_bytes: Sequence[float]
    rounds: Sequence[int]
    frames: int
    events: int
    diverged: int

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        found: dict[str, Any] = converter.unstructure(self)
        return found


def run(experiment: Experiment, rows: Rows, report: Report = lambda point: None) -> Result:
    """Simulate to the end; `report` hears of every look at the mesh.

    Raises ConfigError and DataError for an experiment that does not suit the rows.
    """
    looks = simulate(experiment, rows)
    while True:
        try:
            report(next(looks))
        except StopIteration as end:
            result: Result = end.value
            return result


def simulate(experiment: Experiment, rows: Rows) -> Generator[Point, None, Result]:
    """The same from look to look; returns the result.  Raises as `run` does."""
    world = _make_world(experiment, rows)
    algorithm = _make_algorithm(experiment)
    algorithm.start(world)
    observation = _Observation(experiment, rows, world, algorithm)
    curve = [observation.look()]
    for rounds in _stops(experiment):
        world.engine.run_until(rounds * experiment.interval_s)
        curve.append(observation.look())
        yield curve[-1]
    return observation.finish(curve)


def _make_algorithm(experiment: Experiment) -> Algorithm:
    manifest, resend_s = experiment.manifest, experiment.resend_s
    if experiment.algorithm == "gossip":
        return Gossip(manifest, resend_s, experiment.limits)
    if experiment.limits:
        raise ConfigError("limits on bytes are kept by gossip only: leave the baseline out")
    return make_baseline(experiment.algorithm, manifest)


def _stops(experiment: Experiment) -> list[int]:
    every, rounds = experiment.evaluate_every, experiment.rounds
    return [*range(every, rounds, every), rounds]


def _make_threat(experiment: Experiment) -> Threat:
    if experiment.attack is not None and experiment.algorithm != "gossip":
        raise ConfigError("attackers speak gossip only: leave the baseline out, or the attack")
    return make_threat(experiment.attack, experiment.attackers, experiment.nodes, experiment.seed)


def _make_world(experiment: Experiment, rows: Rows) -> World:
    engine, nodes, seed = Engine(), experiment.nodes, experiment.seed
    manifest, own = experiment.manifest, experiment.own_validation
    threat = _make_threat(experiment)
    presence = Presence(nodes)
    if experiment.churn is not None:
        experiment.churn.start(engine, presence, stream(seed, "churn"))
    # One end more than nodes: a coordinator's, for the algorithms that have one.
    network = Network(engine, experiment.conditions, nodes + 1, presence.away, seed)
    end_s = experiment.rounds * experiment.interval_s
    schedule_faults(experiment.faults, engine, presence, network.paths, end_s)
    members = populate(manifest, rows, experiment.partition, nodes, seed, own, threat)
    return World(
        engine=engine,
        network=network,
        presence=presence,
        views=_make_views(experiment, engine, presence, members),
        spec=manifest.model(),
        initial=manifest.initial(),
        members=members,
        intervals_s=_intervals_s(experiment),
        seed=seed,
        threat=threat,
    )


def _make_views(
    experiment: Experiment, engine: Engine, presence: Presence, members: Sequence[Member]
) -> Views:
    topology = parse_topology(experiment.topology, experiment.seed)
    is_schedule = topology.period(experiment.nodes) != 1
    return Views(
        topology,
        experiment.nodes,
        engine,
        experiment.renew_s or (experiment.interval_s if is_schedule else 0.0),
        repair_s=experiment.repair_s,
        is_live=presence.is_online,
        mixing=experiment.mixing,
        samples=[member.learner.samples for member in members],
    )


def _intervals_s(experiment: Experiment) -> list[float]:
    """Speeds in a geometric row of mean 1, handed out at random."""
    speeds = np.geomspace(1, experiment.speed_spread, experiment.nodes)
    speeds = stream(experiment.seed, "speeds").permutation(speeds / speeds.mean())
    return [experiment.interval_s / float(speed) for speed in speeds]


class _Observation:
    """Looks at one run from outside."""

    def __init__(
        self, experiment: Experiment, rows: Rows, world: World, algorithm: Algorithm
    ) -> None:
        self._experiment = experiment
        self._world = world
        self._algorithm = algorithm
        self._measurement = Measurement(
            world.spec,
            experiment.manifest.input_basis(),
            rows.validation,
            rows.test,
            stream(world.seed, "judged"),
        )

    def look(self) -> Point:
        """The mesh as it is now."""
        replicas, candidates = self._replicas(), self._candidates()
        average, current = self._measurement.looks(candidates)
        return Point(
            time_s=self._world.engine.now_s,
            rounds=sum(replica.rounds for replica in replicas) / len(replicas),
            sent_bytes=sum(self._world.network.sent_bytes) / self._experiment.nodes,
            average=average,
            current=current,
            spread=self._measurement.spread(candidates),
            own=self._measurement.own_score(candidates),
        )

    def _candidates(self) -> list[Candidate]:
        """One model for all is still completed by every member, where members complete it."""
        replicas, world = self._replicas(), self._world
        members = [world.members[node] for node in world.honest]
        if len(replicas) == len(members):
            return list(map(Candidate, replicas, members))
        alike = self._experiment.own_validation == 0 and not self._experiment.manifest.is_personal
        return [Candidate(replicas[0], member) for member in (members[:1] if alike else members)]

    def finish(self, curve: Sequence[Point]) -> Result:
        """Everything that the run has shown."""
        network, replicas = self._world.network, self._replicas()
        *own, central = network.sent_bytes
        return Result(
            experiment=self._experiment,
            curve=tuple(curve),
            scores=tuple(self._measurement.test_scores(self._candidates())),
            sent_bytes=tuple(each + central / self._experiment.nodes for each in own),
            rounds=tuple(replica.rounds for replica in replicas),
            frames=sum(network.sent_frames),
            events=self._world.engine.events,
            diverged=sum(member.diverged for member in self._world.members),
        )

    def _replicas(self) -> Sequence[Replica]:
        """Those that count: what attackers hold is nobody's loss."""
        replicas = self._algorithm.replicas()
        if not self._world.threat.attackers:
            return replicas
        return [replicas[node] for node in self._world.honest]
