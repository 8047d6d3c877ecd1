"""What a node process and a seed process take until they answer: CPU time and memory.

Run it as scripts/bench/processes [--quick].  Kernels come from the cache, as in all starts but the
first; the least CPU time of several starts, since other processes can only add to it.
"""

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import trio
from figures import Figures, progress
from usage import cpu_s, peak_mb

from gossipfl.node.harness.demo import TRAINED_ON, WATCH, make_manifest
from gossipfl.node.harness.led import admit_seed
from gossipfl.node.harness.member import Member
from gossipfl.node.harness.network import Loopback
from gossipfl.node.harness.swarm import Swarm, from_files
from gossipfl.node.kernels import warm_kernels

STARTS, STARTS_QUICK = 9, 3
MEMORY_MB_MAX = 160


def main() -> None:
    """Starts, one process after the other."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer starts")
    starts = STARTS_QUICK if parser.parse_args().quick else STARTS
    progress("preparing kernels")
    warm_kernels()
    figures = Figures()
    with tempfile.TemporaryDirectory(prefix="gossipfl-bench-") as directory:
        for member in _members(Path(directory)):
            found = [trio.run(_start, member) for _ in range(starts)]
            least_s, most_mb = min(s for s, _ in found), max(mb for _, mb in found)
            progress(f"{member.name}: {least_s:.2f} s of CPU time until it answers")
            figures.add(f"{member.name}-memory", most_mb, "MB", "<=", MEMORY_MB_MAX)
    figures.finish()


def _members(directory: Path) -> list[Member]:
    """The demo's first node, and a seed."""
    readings = WATCH / f"wearer-{TRAINED_ON[0]}.npz"
    swarm = Swarm(directory, make_manifest(seed=0), from_files([readings]))
    node, address = swarm.members[0], Loopback().addresses(1)[0]
    node.arguments += Loopback().options(0)
    return [node, admit_seed(swarm, address)]


async def _start(member: Member) -> tuple[float, float]:
    """(CPU seconds of the process until it answers, MB it has then held at most)."""
    await member.start([])
    await member.wait_for_answer()
    assert member.process is not None
    pid = member.process.pid
    used = cpu_s(pid), peak_mb(pid)
    await member.stop()
    return used


if __name__ == "__main__":
    main()
