"""Models as tables, for people."""

from rich.console import Console
from rich.table import Table

from gossipfl.learning.sequential import PARAMETERS_MAX
from gossipfl.learning.summary import Line, summarise, total
from gossipfl.manifest import Manifest


def print_model(manifest: Manifest, *, err: bool = False) -> None:
    """A line a layer and what all cost, on standard output or standard error."""
    model, batch = manifest.model(), manifest.training.batch_size
    table = Table(box=None, pad_edge=False)
    table.add_column("layer")
    for heading in ("shape", "parameters", "bytes", "forward", f"step of {batch}"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_row("input", _shape(model.shape))
    lines = summarise(model, batch)
    for line in lines:
        table.add_row(*_cells(line))
    whole = total(lines)
    table.add_row(*_cells(whole), style="bold")
    console = Console(stderr=err, highlight=False)
    console.print(table)
    console.print(
        f"{model.loss}; {whole.parameters:,} of at most {PARAMETERS_MAX:,} parameters; "
        "forward and step are multiply-adds",
        soft_wrap=True,
    )


def _cells(line: Line) -> tuple[str, ...]:
    numbers = (line.parameters, line.bytes, line.forward, line.step)
    return line.name, _shape(line.shape), *(f"{number:,}" for number in numbers)


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
