"""Files that simulations leave behind."""

import json
from pathlib import Path
from typing import Any, Final

import attrs
from attrs import field, frozen

from gossipfl.errors import ConfigError
from gossipfl.node.outfile import check_place, write_whole
from gossipfl.node.simulations import parquet, plot
from gossipfl.node.simulations.study import Study

PLOT_SUFFIXES: Final = (".png", ".svg")


def _check_place(_: object, attribute: "attrs.Attribute[Any]", path: Path | None) -> None:
    check_place(path)


@frozen(kw_only=True)
class Outputs:
    """Where to write what; None: not at all.

    json: everything, with all settings.
    parquet: a row for every look of every run.  Takes the extra "parquet".
    plot: accuracy and spread against bytes and rounds, .png or .svg.  Takes the extra "plot".
    Raises ConfigError for what could not be written.
    """

    json: Path | None = field(default=None, validator=_check_place)
    parquet: Path | None = field(default=None, validator=_check_place)
    plot: Path | None = field(default=None, validator=_check_place)

    def __attrs_post_init__(self) -> None:
        if self.parquet is not None:
            parquet.require()
        if self.plot is not None:
            plot.require()
            if self.plot.suffix.lower() not in PLOT_SUFFIXES:
                raise ConfigError(f"{self.plot}: a plot's name ends with .png or .svg")

    def write(self, study: Study) -> None:
        """All files, each whole or not at all.  Raises ConfigError when one cannot be written."""
        if self.json is not None:
            write_whole(self.json, lambda path: path.write_text(as_json(study), "utf-8"))
        if self.parquet is not None:
            write_whole(self.parquet, lambda path: parquet.write(study, path))
        if self.plot is not None:
            write_whole(self.plot, lambda path: plot.write(study, path))


def as_json(study: Study) -> str:
    """For programs."""
    return json.dumps(study.plain(), indent=1, allow_nan=False)
