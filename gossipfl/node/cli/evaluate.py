"""`gossipfl evaluate`: how good a model is on readings whose answers are known."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gossipfl.node.cli.options import AS_JSON, int8_option, model_source_options

if TYPE_CHECKING:
    from gossipfl.data.dataset import Dataset
    from gossipfl.data.schema import Schema


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@model_source_options
@int8_option
@AS_JSON
def command(
    file: Path, model: Path | None, state: Path, best: bool, int8: bool, as_json: bool
) -> None:
    """Judge a model on FILE, which also holds the right answers; "-" is CSV on standard input.

    Prints accuracy, the recall of each class and the confusion matrix; for labels of their own
    accuracy, recall and precision; for a regression root mean squared error and R squared.

    \b
    gossipfl evaluate held-back.csv
    gossipfl evaluate held-back.csv --model baseline.model --json
    """
    from gossipfl.node.cli.reports import print_report
    from gossipfl.node.models.source import find_model

    trained = find_model(model, state, best=best, int8=int8)
    schema = trained.manifest.schema
    readings = _read(file, schema)
    print_report(trained.judge(readings), schema, as_json=as_json)


def _read(file: Path, schema: "Schema") -> "Dataset":
    from gossipfl.data.csv_source import read_csv_lines
    from gossipfl.data.sources import read
    from gossipfl.node.models.textinput import STANDARD_INPUT, name_of, open_lines

    if file != STANDARD_INPUT:
        return read(file, schema=schema)
    with open_lines(file) as lines:
        return read_csv_lines(lines, name_of(file), schema=schema)
