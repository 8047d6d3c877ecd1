"""`gossipfl export`: a model for where no Python runs."""

from pathlib import Path

import click

from gossipfl.node.cli.options import int8_option, model_source_options


@click.command()
@click.argument("output", type=click.Path(path_type=Path))
@click.option("--to", "form", type=click.Choice(["c"]), required=True, help="What to write.")
@model_source_options
@int8_option
@click.option("--name", help="What its identifiers begin with.  [default: the file's name]")
def command(
    output: Path,
    form: str,
    model: Path | None,
    state: Path,
    best: bool,
    int8: bool,
    name: str | None,
) -> None:
    """Write a model to the file OUTPUT: as a C header with its numbers and a function that runs it.

    The header needs nothing but stdint.h.  With --int8, outputs equal those of `predict --int8` to
    the bit; without, they agree to about six digits.

    \b
    gossipfl export --to c steps.h                       (the model of the node here)
    gossipfl export --to c steps.h --model all.model --int8
    """
    from gossipfl.node.models.c_source import c_header, name_of
    from gossipfl.node.models.source import find_model
    from gossipfl.node.state.home import write_private

    found = find_model(model, state, best=best, int8=int8)
    prefix = name or name_of(output)
    write_private(output, c_header(found, prefix).encode())
    click.echo(f"wrote {output}: {prefix}_run() and {found.size:,} bytes of parameters")
