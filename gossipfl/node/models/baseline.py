"""Trains one model on this machine, from a data file to a model and its report."""

import sys
from pathlib import Path
from typing import Final

import numpy as np
from attrs import frozen
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from gossipfl.data.dataset import Dataset, split_validation
from gossipfl.data.pipeline import own_scale, prepare
from gossipfl.data.sources import check_trainable, read
from gossipfl.errors import ConfigError
from gossipfl.learning.baseline import Baseline, Progress, steps_per_epoch
from gossipfl.learning.learner import Evaluation
from gossipfl.learning.report import Report
from gossipfl.learning.training import Trainer
from gossipfl.manifest import Manifest
from gossipfl.trained import TrainedModel

EPOCHS: Final = 50


@frozen(kw_only=True)
class Course:
    """How long to train.

    epochs: times that every row is seen; or rounds: fits of `local_steps` steps; not both.
    patience: epochs or rounds without a better validation loss before stopping; 0 never does.
    validation: share of the rows held back.
    """

    epochs: int | None = None
    rounds: int | None = None
    patience: int = 10
    validation: float = 0.1

    def __attrs_post_init__(self) -> None:
        if self.epochs is not None and self.rounds is not None:
            raise ConfigError("say how long with --epochs or with --rounds, not with both")

    @property
    def unit(self) -> str:
        """What is counted."""
        return "round" if self.rounds is not None else "epoch"

    @property
    def fits(self) -> int:
        """How many at most."""
        return self.rounds or self.epochs or EPOCHS


@frozen(kw_only=True)
class Outcome:
    """A finished training.

    fits, best: made, and the one whose model was kept.
    validation: of the kept model, of no samples when no rows were held back.
    held: the rows held back, as they were read.
    warnings: about the data, for people.
    """

    model: TrainedModel
    fits: int
    best: int
    stopped_early: bool
    validation: Evaluation
    held: Dataset | None
    warnings: tuple[str, ...]

    def judge(self, test: Path) -> Report:
        """The model on readings that it has not seen.  Raises DataError."""
        readings = read(test, schema=self.model.manifest.schema)
        return self.model.judge(readings)


def train_baseline(manifest: Manifest, data: Path, course: Course) -> Outcome:
    """Train as one node would that has all of `data`; progress goes to standard error.

    Raises DataError or TrainingDiverged.
    """
    readings = read(data, schema=manifest.schema)
    rng = np.random.default_rng(manifest.seed)
    train, held = split_validation(readings, course.validation, rng)
    scale, basis = own_scale(manifest.standardise, train), manifest.input_basis()
    settings = manifest.training
    trainer = Trainer(
        manifest.model(),
        prepare(basis, train, scale),
        None if held is None else prepare(basis, held, scale),
        settings if course.rounds else steps_per_epoch(settings, train),
        seed=manifest.seed,
    )
    baseline = Baseline(trainer, manifest.initial_model(), course.patience)
    last = _watch(baseline, course)
    return Outcome(
        model=TrainedModel(manifest, baseline.parameters, scale),
        fits=last.number,
        best=last.best,
        stopped_early=baseline.stopped_early,
        validation=trainer.evaluate(baseline.parameters),
        held=held,
        warnings=tuple(check_trainable(readings)),
    )


def _watch(baseline: Baseline, course: Course) -> Progress:
    """Run to the end behind a progress bar, which only a terminal shows; the last step."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    console = Console(file=sys.stderr)
    with Bar(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(course.unit, total=course.fits)
        for progress in baseline.run(course.fits):
            bar.update(task, advance=1, description=_describe(course.unit, progress))
    return progress


def _describe(unit: str, progress: Progress) -> str:
    return f"{unit} {progress.number}: loss {progress.loss:.4g}{quality(progress.evaluation)}"


def quality(evaluation: Evaluation) -> str:
    """Of the validation rows, in a few words; nothing when there are none."""
    if evaluation.accuracy is not None:
        return f", validation accuracy {evaluation.accuracy:.2%}"
    if evaluation.error is not None:
        return f", validation error {evaluation.error:.4g}"
    return ""
