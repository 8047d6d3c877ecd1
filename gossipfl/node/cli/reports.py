"""Reports on models, for people and for programs."""

import json
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from gossipfl.data.schema import Schema
from gossipfl.learning.report import ClassReport, LabelReport, Report, ValueReport
from gossipfl.node.models.rounding import Rounding


def print_report(report: Report, schema: Schema, *, as_json: bool) -> None:
    """On standard output."""
    if as_json:
        click.echo(json.dumps(plain(report, schema), indent=2))
    elif isinstance(report, ClassReport):
        _print_classes(report, schema.classes)
    elif isinstance(report, LabelReport):
        _print_labels(report, schema.value_names)
    else:
        _print_values(report, schema.value_names)


def print_rounding(rounding: Rounding, what: str) -> None:
    """What int8 costs, on standard output; `what` is what a score of 1 is the best of."""
    plain, rounded, integers = (f"{score:.2%}" for score in rounding.scores)
    click.echo(
        f"{what} on {rounding.samples} rows: {plain} trained in float32, {rounded} trained with "
        f"rounding, {integers} in int8"
    )
    click.echo(
        f"int8 costs {rounding.cost:.2f} points; {rounding.float_bytes:,} bytes became "
        f"{rounding.int8_bytes:,}"
    )


def plain(report: Report, schema: Schema) -> dict[str, Any]:
    """The report as JSON values."""
    if isinstance(report, ClassReport):
        return {
            "samples": report.samples,
            "accuracy": report.accuracy,
            "loss": report.loss,
            "recall": dict(zip(schema.classes, report.recall, strict=True)),
            "classes": list(schema.classes),
            "confusion": report.confusion.tolist(),
        }
    if isinstance(report, LabelReport):
        shares = zip(report.accuracy, report.recall, report.precision, strict=True)
        names = ("accuracy", "recall", "precision")
        labels = [dict(zip(names, each, strict=True)) for each in shares]
        return {
            "samples": report.samples,
            "loss": report.loss,
            "labels": dict(zip(schema.value_names, labels, strict=True)),
        }
    values = zip(schema.value_names, report.rmse, report.r_squared, strict=True)
    return {
        "samples": report.samples,
        "targets": {name: {"rmse": rmse, "r_squared": share} for name, rmse, share in values},
    }


def _print_classes(report: ClassReport, classes: tuple[str, ...]) -> None:
    console = Console()
    console.print(
        f"accuracy {report.accuracy:.2%} of {report.samples} rows, loss {report.loss:.4g}"
    )
    table = Table("true class", box=None, pad_edge=False, title="rows by predicted class")
    for name in classes:
        table.add_column(name, justify="right")
    table.add_column("recall", justify="right")
    for name, row, recall in zip(classes, report.confusion.tolist(), report.recall, strict=True):
        table.add_row(name, *map(str, row), _share(recall))
    console.print(table)


def _print_labels(report: LabelReport, names: tuple[str, ...]) -> None:
    console = Console()
    console.print(f"accuracy {report.score:.2%} of {report.samples} rows, loss {report.loss:.4g}")
    table = Table("label", box=None, pad_edge=False)
    for heading in ("accuracy", "recall", "precision"):
        table.add_column(heading, justify="right")
    columns = (report.accuracy, report.recall, report.precision)
    for name, *shares in zip(names, *columns, strict=True):
        table.add_row(name, *map(_share, shares))
    console.print(table)


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def _print_values(report: ValueReport, names: tuple[str, ...]) -> None:
    for name, rmse, share in zip(names, report.rmse, report.r_squared, strict=True):
        explained = "-, it never varies" if share is None else f"{share:.4f}"
        click.echo(f"{name}: root mean squared error {rmse:.4g}, R squared {explained}")
    click.echo(f"on {report.samples} rows")
