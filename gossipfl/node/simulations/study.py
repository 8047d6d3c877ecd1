"""What one command simulates: its runs, what is special about each, and what came of them."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from attrs import field, frozen

from gossipfl.simulation.experiment import Experiment, Result
from gossipfl.simulation.population import Rows


@frozen(eq=False)
class Case:
    """One run to make.

    changes: the settings that set this run apart from others, apart from its seed; of plain values.
    """

    experiment: Experiment
    rows: Rows
    changes: Mapping[str, Any] = field(factory=dict)

    @property
    def setting(self) -> str:
        """What is special about it and all its seeds, for people; "" when nothing is."""
        return ", ".join(f"{key} {value}" for key, value in self.changes.items())

    @property
    def label(self) -> str:
        """What is special about it, for people."""
        return ", ".join(filter(None, (self.setting, f"seed {self.experiment.seed}")))


@frozen(kw_only=True, eq=False, slots=False)
class Study:
    """Finished runs.

    results: in the order of the cases.
    wall_s: that all took together.
    """

    cases: Sequence[Case]
    results: Sequence[Result]
    wall_s: float

    @property
    def node_rounds(self) -> int:
        """Rounds of honest nodes, of all runs."""
        return sum(sum(result.rounds) for result in self.results)

    @property
    def rate(self) -> float:
        """Node-rounds a second, of all runs together."""
        return self.node_rounds / self.wall_s

    @cached_property
    def by_setting(self) -> Mapping[str, Sequence[Result]]:
        """The results of every setting, a seed each."""
        found: dict[str, list[Result]] = {}
        for case, result in zip(self.cases, self.results, strict=True):
            found.setdefault(case.setting, []).append(result)
        return found

    def plain(self) -> dict[str, Any]:
        """Everything as JSON values: the runs first, which equal arguments make equal."""
        runs = [
            {"label": case.label, "changes": dict(case.changes), **result.plain()}
            for case, result in zip(self.cases, self.results, strict=True)
        ]
        return {"runs": runs, "wall_s": self.wall_s, "node_rounds_per_s": self.rate}
