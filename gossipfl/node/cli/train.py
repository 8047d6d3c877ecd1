"""`gossipfl train`: one model on one machine."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from gossipfl.node.cli.learning_options import model_options
from gossipfl.node.cli.manifests import make_manifest

if TYPE_CHECKING:
    from gossipfl.learning.report import Report
    from gossipfl.manifest import Manifest
    from gossipfl.node.models.baseline import Course, Outcome
    from gossipfl.node.models.rounding import Rounding


@click.command()
@click.option(
    "--data",
    required=True,
    type=click.Path(path_type=Path),
    help="Readings: .csv, .npz or .parquet.",
)
@click.option("--epochs", type=click.IntRange(1), help="Times to see every row.  [default: 50]")
@click.option(
    "--rounds", type=click.IntRange(1), help="Instead of epochs: rounds of --local-steps."
)
@click.option(
    "--validation",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.1,
    show_default=True,
    help="Share of the rows held back, to keep the best model and to stop early.",
)
@click.option(
    "--patience",
    type=click.IntRange(0),
    default=10,
    show_default=True,
    help="Epochs or rounds without improvement before stopping; 0 never stops early.",
)
@click.option("--test", type=click.Path(path_type=Path), help="Readings that judge the model.")
@click.option("--output", type=click.Path(path_type=Path), help="Model file to write.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
@model_options
def command(
    data: Path,
    epochs: int | None,
    rounds: int | None,
    validation: float,
    patience: int,
    test: Path | None,
    output: Path | None,
    as_json: bool,
    **settings: Any,
) -> None:
    """Train one model on all of --data, on this machine, without a mesh.

    This is the baseline of a mesh: same model, same optimizer, same way to prepare readings.
    Predictions with the written file: gossipfl predict new.csv --model FILE
    With --quantise int8 it is trained once more without, to tell what int8 costs.

    \b
    gossipfl train --data readings.csv --target activity --test held-back.csv --output all.model
    """
    from gossipfl.node.cli.models import print_model
    from gossipfl.node.models.baseline import Course, train_baseline
    from gossipfl.node.models.source import write_model_file

    course = Course(epochs=epochs, rounds=rounds, patience=patience, validation=validation)
    manifest = make_manifest("baseline", settings, like=data)
    print_model(manifest, err=True)
    outcome = train_baseline(manifest, data, course)
    for warning in outcome.warnings:
        click.echo(f"warning: {warning}", err=True)
    if output is not None:
        write_model_file(output, outcome.model)
        click.echo(f"wrote {output}", err=True)
    report = outcome.judge(test) if test is not None else None
    rounding = None
    if manifest.quantise != "none":
        rounding = _compare(manifest, data, course, outcome, test)
    _print(outcome, course, report, rounding, as_json=as_json)


def _compare(
    manifest: "Manifest", data: Path, course: "Course", outcome: "Outcome", test: Path | None
) -> "Rounding | None":
    """On the test rows, or on those held back; None without any."""
    from gossipfl.data.sources import read
    from gossipfl.node.models.baseline import train_baseline
    from gossipfl.node.models.rounding import compare

    readings = read(test, schema=manifest.schema) if test is not None else outcome.held
    if readings is None:
        return None
    plain = train_baseline(attrs.evolve(manifest, quantise="none"), data, course)
    return compare(plain.model, outcome.model, readings)


def _print(
    outcome: "Outcome",
    course: "Course",
    report: "Report | None",
    rounding: "Rounding | None",
    *,
    as_json: bool,
) -> None:
    from gossipfl.node.cli.reports import plain, print_report, print_rounding
    from gossipfl.node.models.baseline import quality

    schema = outcome.model.manifest.schema
    if as_json:
        found = _plain(outcome, course) | ({"test": plain(report, schema)} if report else {})
        found |= {"rounding": rounding.plain()} if rounding else {}
        click.echo(json.dumps(found, indent=2))
        return
    early = ", stopped early" if outcome.stopped_early else ""
    count = f"{course.unit} {outcome.best} of {outcome.fits}{early}"
    click.echo(f"kept the model of {count}{quality(outcome.validation)}")
    if report is not None:
        print_report(report, schema, as_json=False)
    if rounding is not None:
        print_rounding(rounding, "accuracy" if schema.classes else "score")


def _plain(outcome: "Outcome", course: "Course") -> dict[str, Any]:
    validation = outcome.validation
    return {
        f"{course.unit}s": outcome.fits,
        "best": outcome.best,
        "stopped_early": outcome.stopped_early,
        "validation": {
            "samples": validation.samples,
            "loss": validation.loss if validation.samples else None,
            "accuracy": validation.accuracy,
            "error": validation.error,
        },
    }
