"""Bytes to FedAvg's accuracy minus a point, for every scheme, in one simulator.

Run it as scripts/bench/gossip [--quick] [--part NAME] [--seeds N] [--workers N] [--tune].

Runs are kept under build/bench/gossip by what they are and by the source that they depend on, so an
interrupted or extended bench goes on where it was.  A whole bench writes docs/gossip.md and its
pictures.  How runs are judged is said in gossiping/arena.py, how settings were chosen in
gossiping/tuning.py.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from figures import Figures
from gossiping.parts.basis import basis
from gossiping.parts.conditions import conditions
from gossiping.parts.frontier import frontier
from gossiping.parts.part import Part
from gossiping.parts.quick import quick
from gossiping.parts.rivals import rivals
from gossiping.pool import complete
from gossiping.tuning import tune
from places import ROOT

PARTS = {"frontier": frontier, "basis": basis, "conditions": conditions, "rivals": rivals}
# The rivals are many, and far off: fewer seeds tell as much.
RIVALS_SEEDS = 2
DOCS = ROOT / "docs"
JUDGED = """\
The target is FedAvg's final accuracy on the same shares, less a point, seed by seed. A scheme's kB
are what a node has sent when the mean node first reaches it: frames as they are encoded, and 20
bytes each for length, counter and tag. Ours is judged by the model that nodes predict with, others
by that or by their bare models, whichever is better (`scripts/bench/gossiping/arena.py`)."""
CHOSEN = """\
Learning rate and local steps are the same for all; of the rates 0.2, 0.3 and 0.5, FedAvg was best
on validation rows with 0.3. Rivals have the settings that were best on the digits' validation rows
(`--tune --task digits`); compressed ones stand in the table with several, and the cheapest on test
rows counts, which can only favour them. Whoever does not get there counts with all that it sent."""


def main() -> None:
    """All figures, or those of some parts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one seed of digits, few schemes")
    parser.add_argument("--part", choices=list(PARTS), action="append")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--workers", type=int, help="processes; all cores unless given")
    parser.add_argument("--tune", action="store_true", help="print the grid of settings instead")
    parser.add_argument("--task", choices=["digits", "mnist"], default="mnist", help="of --tune")
    options = parser.parse_args()
    if options.tune:
        tune(options.task)
        return
    parts = [quick()] if options.quick else _parts(options.part or list(PARTS), options.seeds)
    for part in parts:
        complete(part.runs, options.workers)
    figures = Figures()
    sections = {part.name: part.report(figures) for part in parts}
    print("\n\n".join(section for each in sections.values() for section in each), flush=True)
    if len(parts) == len(PARTS):
        _write(parts, sections, figures, options.seeds)
    figures.finish()


def _parts(names: Sequence[str], seeds: int) -> list[Part]:
    few = min(seeds, RIVALS_SEEDS)
    return [PARTS[name](range(few if name == "rivals" else seeds)) for name in names]


def _write(
    parts: Sequence[Part], sections: dict[str, list[str]], figures: Figures, seeds: int
) -> None:
    """docs/gossip.md, and every picture beside it."""
    DOCS.mkdir(exist_ok=True)
    pictures = {name: svg for part in parts for name, svg in part.plots().items()}
    for name, svg in pictures.items():
        (DOCS / name).write_text(svg)
    shown = [f"![{name.removesuffix('.svg')}]({name})" for name in pictures]
    listed = "```\n" + "\n".join(map(str, figures)) + "\n```"
    tables = [section for each in sections.values() for section in each]
    head = [
        "# What gossip costs",
        f"Made by `scripts/bench/gossip --seeds {seeds}`; seeds 0 to {seeds - 1}, of rivals 0 to "
        f"{min(seeds, RIVALS_SEEDS) - 1}, on test rows that nothing of ours was chosen on.",
        JUDGED,
        CHOSEN,
    ]
    (DOCS / "gossip.md").write_text("\n\n".join([*head, listed, *shown, *tables]) + "\n")


if __name__ == "__main__":
    main()
