"""The overlay in virtual time: false alarms, detection, bytes, and what is left after disasters.

Run it as scripts/bench/membership [--quick] [--only PART].

The very state machines of a node (`gossipfl.membership`), with the simulator for links and clock.

alarms: 128 members that know each other, probes every second, 5 % of all frames lost, a quarter of
the members starved of CPU in spells: they sleep for 5 s on average, run for 50 ms, timers first,
and sleep again.  A false alarm is one member believing, on its own or on another's word, that a
member is dead that is neither dead nor starved, as Lifeguard's authors count; plain SWIM is the
same code without Lifeguard.  Alarms about the starved are told beside: they really do not answer.
detection: the same members, calm, 5 % loss; members lose power one after the other.  First
detection is the first suspicion that anybody has, in probe intervals; death is the first obituary.
bytes: by everybody, the presets' `lan`, everybody known to everybody, without and with 5 % loss.
survival: members that joined one by one, each by a random one of the others, and know 64 others;
so many lose power at once, without a word on any link.  The largest connected part of the
survivors, five shuffle intervals later.
"""

import multiprocessing
import statistics
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from figures import Figures, measure_parts, progress
from overlays.starvation import starve
from overlays.world import Network, World

from gossipfl.membership.effects import Noted
from gossipfl.membership.settings import Settings

MEMBERS = 128
SECOND = Settings(probe_interval_s=1.0, probe_timeout_s=0.5)
PLAIN = Settings(probe_interval_s=1.0, probe_timeout_s=0.5, lifeguard=False)
LOSSY = Network(loss=0.05)
SETTLE_S = 30.0
SURVIVORS = {0.80: 0.999, 0.90: 0.995, 0.95: 0.95}


def alarms(figures: Figures, quick: bool) -> None:
    """False alarms, with Lifeguard and without."""
    seeds, seconds = (1, 60.0) if quick else (3, 180.0)
    totals = {}
    for name, settings in (("plain", PLAIN), ("lifeguard", SECOND)):
        found = [_false_alarms(settings, seed, seconds) for seed in range(seeds)]
        totals[name] = sum(healthy for healthy, _ in found)
        starved = sum(each for _, each in found)
        print(
            f"{name}: {totals[name]} false alarms about the healthy, {starved} about the starved "
            f"in {seeds} x {seconds:g} s",
            flush=True,
        )
    figures.add("alarms-of-plain-swim", totals["plain"], "alarms", ">=", 50)
    figures.add("alarms-ratio", totals["lifeguard"] / max(1, totals["plain"]), "", "<=", 1 / 50)


def _false_alarms(settings: Settings, seed: int, seconds: float) -> tuple[int, int]:
    """About the healthy, about the starved."""
    progress(f"alarms, seed {seed}, lifeguard {settings.lifeguard}")
    world = World(settings, seed, LOSSY)
    world.populate(MEMBERS)
    world.run(SETTLE_S)
    starved = set(range(0, MEMBERS, 4))
    found = {True: 0, False: 0}

    def note(_: int, event: Noted) -> None:
        if event.event == "member.died":
            found[world.numbers[event.about] in starved] += 1

    world.listeners.append(note)
    starve(world, sorted(starved))
    world.run(seconds)
    return found[False], found[True]


def detection(figures: Figures, quick: bool) -> None:
    """How soon a death is noticed."""
    world = World(SECOND, 0, LOSSY)
    world.populate(MEMBERS)
    world.run(SETTLE_S)
    deaths = 20 if quick else 60
    progress(f"detection of {deaths} deaths")
    first: dict[str, dict[int, float]] = {"member.suspected": {}, "member.died": {}}
    died_s: dict[int, float] = {}

    def note(_: int, event: Noted) -> None:
        number = world.numbers[event.about]
        if number in died_s and event.event in first:
            first[event.event].setdefault(number, world.now_s - died_s[number])

    world.listeners.append(note)
    for number in range(deaths):
        died_s[number] = world.now_s
        world.kill([number])
        world.run(3.0)
    world.run(60.0)
    for event, times in first.items():
        print(
            f"{event}: {len(times)} of {deaths}, median {statistics.median(times.values()):.2f} s"
        )
    median = statistics.median(first["member.suspected"].get(n, 1e9) for n in range(deaths))
    figures.add("detection-median", median, "periods", "<=", 2)
    figures.add("detection-all", len(first["member.died"]) / deaths, "share", ">=", 1)


def sizes(figures: Figures, quick: bool) -> None:
    """Bytes a second and member, in small clusters and in great ones."""
    counts, seconds = ((16, 64, 128), 120.0) if quick else ((16, 64, 256, 1024), 240.0)
    for name, network in (("quiet", Network()), ("lossy", LOSSY)):
        rates = []
        for count in counts:
            progress(f"bytes of {count} members, {name}")
            world = World(Settings(), 0, network)
            world.populate(count)
            world.run(60.0)
            before = world.sent_bytes
            world.run(seconds)
            rates.append((world.sent_bytes - before) / seconds / count)
            print(f"{name}: {count} members, {rates[-1]:.1f} B/s each", flush=True)
        figures.add(f"bytes-{name}-spread", max(rates) / min(rates), "x", "<=", 1.2)


def survival(figures: Figures, quick: bool) -> None:
    """What remains connected."""
    count, shares = (300, (0.8,)) if quick else (10_000, tuple(SURVIVORS))
    progress(f"survival: {count} members join")
    world = World(Settings(members_max=64), 0)
    world.grow(count, 0.005)
    world.run(world.settings.shuffle_interval_s)
    for share in shares:
        progress(f"survival: {share:.0%} of {count} members fail")
        name = f"survivors-{share:.0%}".replace("%", "pc")
        figures.add(name, _in_a_copy(_largest_part, world, share), "share", ">=", SURVIVORS[share])


def _largest_part(world: World, share: float) -> float:
    """Of those that are left, five shuffle intervals after a share of all has lost power."""
    count = len(world.members)
    world.kill(world.rng.choice(count, round(share * count), replace=False).tolist())
    for _ in range(5):
        world.run(world.settings.shuffle_interval_s)
        parts = world.components()
        print(f"{share:.0%}: {max(parts.values()) / parts.total():.4f} in one part", flush=True)
    return max(parts.values()) / parts.total()


def _in_a_copy(measure: Callable[[World, float], float], world: World, share: float) -> float:
    """What it measures, in a copy of this process, so that the world stays as it is."""
    fork = multiprocessing.get_context("fork")
    receiver, sender = fork.Pipe(duplex=False)
    process = fork.Process(target=lambda: sender.send(measure(world, share)))
    process.start()
    sender.close()
    found: float = receiver.recv()
    process.join()
    return found


PARTS = {"alarms": alarms, "detection": detection, "bytes": sizes, "survival": survival}


if __name__ == "__main__":
    measure_parts(__doc__.split("\n")[0], PARTS)
