"""`gossipfl predict`: what a model makes of new readings."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from gossipfl.node.cli.options import int8_option, model_source_options

FILE_BATCH: Final = 1024


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@model_source_options
@int8_option
@click.option(
    "--top", type=click.IntRange(1), default=1, show_default=True, help="Likeliest classes to show."
)
@click.option("--json", "as_json", is_flag=True, help="Write JSON lines instead of CSV.")
def command(
    file: Path, model: Path | None, state: Path, best: bool, int8: bool, top: int, as_json: bool
) -> None:
    """Predict from each row of FILE, a CSV with a header; "-" is standard input.

    Asks the node that runs on this device for its model; when none runs, takes what it stored.
    Columns go by name, in any order; the column to predict may be missing.

    \b
    gossipfl predict new.csv > predictions.csv
    sensor-reader | gossipfl predict - --json --top 3
    """
    from gossipfl.node.models.predictions import find_columns, make_format, predict_rows
    from gossipfl.node.models.source import find_model
    from gossipfl.node.models.textinput import STANDARD_INPUT, name_of, open_lines

    trained = find_model(model, state, best=best, int8=int8)
    form = make_format(trained.manifest, top, as_json=as_json)
    # In a pipe, whoever reads us must not wait for rows that come later.
    live = file == STANDARD_INPUT
    with open_lines(file) as lines, _quiet_end():
        columns = find_columns(lines, name_of(file), trained.manifest.schema)
        if form.header:
            print(form.header, flush=live)
        for line, outputs in predict_rows(trained, columns, 1 if live else FILE_BATCH):
            print(form.line(line, outputs), flush=live)
        sys.stdout.flush()


@contextlib.contextmanager
def _quiet_end() -> Iterator[None]:
    """Whoever reads our output may stop early, as `head` does."""
    try:
        yield
    except BrokenPipeError:
        # Or the interpreter would fail once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
