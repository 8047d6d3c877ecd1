"""Help of commands with many options: under headings."""

from collections.abc import Mapping, Sequence
from typing import Any

import click


class SectionedCommand(click.Command):
    """sections: heading -> names of parameters, in this order; all others come last, as `rest`."""

    def __init__(
        self, *args: Any, sections: Mapping[str, Sequence[str]], rest: str, **settings: Any
    ) -> None:
        super().__init__(*args, **settings)
        self._sections = sections
        self._rest = rest

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Called by click."""
        records = {
            parameter.name: record
            for parameter in self.get_params(ctx)
            if isinstance(parameter, click.Option)
            and (record := parameter.get_help_record(ctx)) is not None
        }
        for heading, names in self._sections.items():
            with formatter.section(heading):
                formatter.write_dl([records.pop(name) for name in names])
        with formatter.section(self._rest):
            formatter.write_dl(list(records.values()))
