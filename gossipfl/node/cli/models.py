"""Models as tables, for people."""

from rich.console import Console
from rich.table import Table

from gossipfl.agreement import Agreement
from gossipfl.foreign import ForeignManifest
from gossipfl.manifest import Manifest
from gossipfl.models.sequential import PARAMETERS_MAX
from gossipfl.models.summary import Line, summarise, total


def print_agreement(agreement: Agreement) -> None:
    """What a cluster learns, on standard output."""
    if isinstance(agreement, Manifest):
        print_model(agreement)
    elif isinstance(agreement, ForeignManifest):
        _print_arrays(agreement)


def _print_arrays(manifest: ForeignManifest) -> None:
    """A line an array; those beside the vector stay on their node."""
    table = Table(box=None, pad_edge=False)
    table.add_column("array")
    for heading in ("shape", "dtype", "parameters", "starts at"):
        table.add_column(heading, justify="right", no_wrap=True)
    for spec in manifest.arrays:
        count = f"{spec.size:,}" if spec.shared else "stays local"
        spread = f" ± {spec.limit:.3g}" if spec.limit else ""
        table.add_row(spec.name, _shape(spec.shape), spec.dtype, count, f"{spec.fill:.3g}{spread}")
    console = Console(highlight=False)
    console.print(table)
    console.print(manifest.summary(), soft_wrap=True)


def print_model(manifest: Manifest, *, err: bool = False) -> None:
    """A line a layer and what all cost, on standard output or standard error."""
    model, batch = manifest.model(), manifest.training.batch_size
    table = Table(box=None, pad_edge=False)
    table.add_column("layer")
    for heading in ("shape", "parameters", "bytes", "forward", f"step of {batch}"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column()
    table.add_row("input", _shape(model.shape))
    lines, private = summarise(model, batch), manifest.private
    for line in lines:
        table.add_row(*_cells(line), "private" if line.name in private else "")
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
