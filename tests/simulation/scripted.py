"""Fault scripts for whole agents under virtual time, written or drawn."""

from itertools import permutations
from typing import Final

import attrs
import numpy as np
import trio

from gossipfl.faults.events import Clock, Event, Kill, OnNodes, Pause, Restart, Resume
from gossipfl.faults.links import Cut, Heal, Loss, OnLinks, Slow
from gossipfl.faults.paths import Paths
from gossipfl.faults.script import DOWN, TRANSITIONS, UP, FaultScript
from gossipfl.transports.faults import Faults
from tests.simulation.cluster import Cluster
from tests.simulation.device import Device

JUMP_MAX_S: Final = 3600.0


async def play(script: FaultScript, cluster: Cluster) -> None:
    """Make it all happen, from now on; seconds are virtual."""
    script.check(len(cluster.devices))
    paths, plain, start_s = Paths(), cluster.network.faults, trio.current_time()
    for event in script.events:
        await trio.sleep_until(start_s + event.at_s)
        if isinstance(event, OnLinks):
            paths.apply(event)
            _change_links(cluster, paths, plain)
        elif isinstance(event, OnNodes):
            for number in event.nodes:
                await _do(event, cluster.devices[number], cluster)


async def _do(event: OnNodes, device: Device, cluster: Cluster) -> None:
    match event:
        case Kill():
            await cluster.kill(device)
        case Pause():
            device.gate.close()
        case Resume():
            device.gate.open()
        case Clock():
            device.clock_off_s += event.jump_s
        case Restart():
            await cluster.stop(device)
            await cluster.start(device)


def _change_links(cluster: Cluster, paths: Paths, plain: Faults) -> None:
    """Every direction of every link as the paths say, beside what the network does anyway."""
    cluster.network.heal()
    for one, other in permutations(range(len(cluster.devices)), 2):
        path = paths.between(one, other)
        ends = cluster.devices[one].address, cluster.devices[other].address
        if path.cut:
            cluster.network.partition(ends[:1], ends[1:])
        faults = attrs.evolve(
            plain,
            delay_s=plain.delay_s + path.delay_s,
            jitter_s=plain.jitter_s + path.jitter_s,
            loss=1 - (1 - plain.loss) * (1 - path.loss),
            bytes_per_s=path.bytes_per_s,
        )
        cluster.network.impair(*ends, faults)


def draw_script(rng: np.random.Generator, nodes: int, events: int, end_s: float) -> FaultScript:
    """A script that can happen; at its end everybody is up and every link is well."""
    conditions = [UP] * nodes
    times_s = np.sort(rng.uniform(0, end_s, events)).tolist()
    drawn: list[Event] = [_draw_event(rng, time_s, conditions) for time_s in times_s]
    for number, condition in enumerate(conditions):
        if condition is not UP:
            kind = Restart if condition is DOWN else Resume
            drawn.append(kind(at_s=end_s, nodes=(number,)))
    return FaultScript((*drawn, Heal(at_s=end_s)), "a drawn script")


def _draw_event(rng: np.random.Generator, at_s: float, conditions: list[object]) -> Event:
    node, other = (int(each) for each in rng.permutation(len(conditions))[:2])
    kinds = [Cut, Loss, Slow, Heal, Clock]
    if conditions.count(UP) > 2 or conditions[node] is not UP:
        kinds += [kind for state, kind in TRANSITIONS if state is conditions[node]]
    kind = kinds[int(rng.integers(len(kinds)))]
    if kind is Loss:
        return Loss(at_s=at_s, share=0.3, links=((node, other),))
    if kind is Slow:
        return Slow(at_s=at_s, delay_s=0.3, jitter_s=0.3, bytes_per_s=2000.0, nodes=(node,))
    if kind is Clock:
        return Clock(at_s=at_s, nodes=(node,), jump_s=float(rng.uniform(0, JUMP_MAX_S)))
    if kind in (Cut, Heal):
        return kind(at_s=at_s, links=((node, other),))
    conditions[node] = TRANSITIONS[conditions[node], kind]
    return kind(at_s=at_s, nodes=(node,))
