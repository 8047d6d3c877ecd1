"""`gossipfl partition`: how one data file would be shared out."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from gossipfl.node.cli.options import make_manifest, model_options, partition_options

if TYPE_CHECKING:
    from rich.text import Text

    from gossipfl.node.harness.parts import Shares

BAR_CELLS: Final = 60
MARKS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
COLOURS: Final = ("blue", "green", "yellow", "red", "magenta", "cyan", "white")


@click.command()
@click.option(
    "--nodes", required=True, type=click.IntRange(2, 1000), help="How many nodes share the rows."
)
@click.option(
    "--output", type=click.Path(path_type=Path), help="Write part-0.npz ... and test.npz here."
)
@partition_options()
@model_options
def command(
    nodes: int,
    output: Path | None,
    data: Path,
    partition: str,
    group: str | None,
    test: Path | None,
    **settings: Any,
) -> None:
    """Show what each of --nodes would get of --data: a table, and a bar a node.

    In a bar, each mark stands for rows of one class; shift says how far the mean features of the
    node are from those of all rows, in deviations.

    \b
    gossipfl partition --data digits.npz --nodes 8 --partition dirichlet:0.5
    gossipfl partition --data readings.csv --target activity --nodes 4 --partition shards:2
    """
    from rich.console import Console

    from gossipfl.node.harness.parts import share_out, write_shares

    schema = make_manifest("partition", settings, like=data, without=group).schema
    shares = share_out(data, test, schema, partition, nodes, group, settings["seed"])
    console = Console(soft_wrap=True, highlight=False)
    console.print(shares.table(schema), markup=False)
    console.print()
    for line in bars(shares, schema.classes):
        console.print(line)
    console.print(f"\n{len(shares.test)} rows for judging", markup=False)
    if output is not None:
        write_shares(shares, output)
        click.echo(f"wrote {nodes} parts and test.npz to {output}", err=True)


def bars(shares: "Shares", classes: tuple[str, ...]) -> "list[Text]":
    """A legend, then a bar a node, as long as its share of the largest one's rows."""
    from rich.text import Text

    from gossipfl.learning.partition import shift_of

    longest = max(len(part) for part in shares.parts)
    lines = [_legend(classes)] if classes else []
    for number, part in enumerate(shares.parts):
        counts = [len(part)]
        if classes:
            counts = [int((part.targets == label).sum()) for label in range(len(classes))]
        bar = _bar(counts, longest)
        bar.pad_right(BAR_CELLS - len(bar))
        shift = shift_of(part.features, shares.rows.features)
        lines.append(
            Text.assemble(f"node {number:<3} ", bar, f" {len(part)} rows, shift {shift:.2f}")
        )
    return lines


def _legend(classes: tuple[str, ...]) -> "Text":
    from rich.text import Text

    marks = [(f"{_mark(i)} {name}   ", _colour(i)) for i, name in enumerate(classes)]
    return Text.assemble(" " * 9, *marks)


def _bar(counts: list[int], longest: int) -> "Text":
    """Marks from the running totals, so that rounding never changes the length of a bar."""
    from rich.text import Text

    bar, total, drawn = Text(), 0, 0
    for label, count in enumerate(counts):
        total += count
        end = round(BAR_CELLS * total / longest)
        bar.append(_mark(label) * (end - drawn), _colour(label))
        drawn = end
    return bar


def _mark(label: int) -> str:
    return MARKS[label % len(MARKS)]


def _colour(label: int) -> str:
    return COLOURS[label % len(COLOURS)]
