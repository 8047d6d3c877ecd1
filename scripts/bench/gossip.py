"""Bytes to FedAvg's accuracy minus a point, for every scheme, in one simulator.

Run it as scripts/bench/gossip [--quick] [--part NAME] [--seeds N] [--workers N] [--tune].

Runs are kept under build/bench/gossip by what they are and by the source that they depend on, so an
interrupted or extended bench goes on where it was.  Every part writes a page of docs/ and its
pictures.  How runs are judged and settings were chosen is said in docs/gossip.md.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from figures import Figure, Figures
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
DOCS = ROOT / "docs"


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
    figures = Figures()
    for part in parts:
        complete(part.runs, options.workers)
        known = len(list(figures))
        sections = part.report(figures)
        print("\n\n".join(sections), end="\n\n", flush=True)
        if not options.quick:
            _write(part, list(figures)[known:], sections)
    figures.finish()


def _parts(names: Sequence[str], seeds: int) -> list[Part]:
    return [PARTS[name](range(seeds)) for name in names]


def _write(part: Part, figures: Sequence[Figure], sections: Sequence[str]) -> None:
    """The part's page in docs/, and its pictures beside it."""
    pictures = part.plots()
    for name, svg in pictures.items():
        (DOCS / name).write_text(svg)
    seeds = ", ".join(map(str, sorted({run.seed for run in part.runs})))
    head = [
        f"# What gossip costs: {part.name}",
        f"Made by `scripts/bench/gossip --part {part.name}`, seeds {seeds}; "
        "[how to read it](gossip.md).",
        "```\n" + "\n".join(map(str, figures)) + "\n```",
        *(f"![{name.removesuffix('.svg')}]({name})" for name in pictures),
    ]
    (DOCS / f"gossip-{part.name}.md").write_text("\n\n".join([*head, *sections]) + "\n")


if __name__ == "__main__":
    main()
