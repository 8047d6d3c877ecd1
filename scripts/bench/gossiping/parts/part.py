"""What a part of the bench is."""

from collections.abc import Callable, Sequence

from attrs import field, frozen
from figures import Figures

from gossiping.runs import Run


@frozen(kw_only=True)
class Part:
    """name: as --part has it.

    runs: all that the report needs.
    report: adds its figures and gives sections of Markdown, once the runs are done.
    plots: file name -> SVG, likewise.
    """

    name: str
    runs: Sequence[Run]
    report: Callable[[Figures], list[str]]
    plots: Callable[[], dict[str, str]] = field(default=dict)
