"""One line a figure, and an exit status that says whether all are met."""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Literal

from attrs import define, field, frozen


@frozen
class Figure:
    """A measured value and what it must be."""

    name: str
    value: float
    unit: str
    relation: Literal["<=", ">="]
    target: float

    @property
    def met(self) -> bool:
        """Whether the target is reached."""
        if self.relation == "<=":
            return self.value <= self.target
        return self.value >= self.target

    def __str__(self) -> str:
        verdict = "met" if self.met else "short"
        value = f"{self.value:.4g}"
        return (
            f"figure {self.name} {value} {self.unit} target {self.relation} "
            f"{self.target:g} {verdict}"
        )


@define
class Figures:
    """Collects figures; printed together at the end, so that they are easy to find."""

    _found: list[Figure] = field(factory=list)

    def add(
        self,
        name: str,
        value: float,
        unit: str,
        relation: Literal["<=", ">="],
        target: float,
    ) -> None:
        """Note one figure."""
        self._found.append(Figure(name, value, unit, relation, target))

    def __iter__(self) -> Iterator[Figure]:
        return iter(self._found)

    def finish(self) -> None:
        """Print all and end the process: status 1 if one is short."""
        for figure in self._found:
            print(figure, flush=True)
        sys.exit(not all(figure.met for figure in self._found))


def progress(message: str) -> None:
    """What the benchmark is doing, on standard error."""
    print(f"... {message}", file=sys.stderr, flush=True)


def measure_parts(about: str, parts: Mapping[str, Callable[[Figures, bool], None]]) -> None:
    """The command line of a benchmark in parts: every part, or one of them; `--quick` for less."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--quick", action="store_true", help="smaller, under a minute")
    parser.add_argument("--only", choices=parts, help="this part alone")
    arguments = parser.parse_args()
    figures = Figures()
    for name in [arguments.only] if arguments.only else parts:
        parts[name](figures, arguments.quick)
    figures.finish()
