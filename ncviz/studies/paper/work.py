"""What an experiment's steps are, which of them are stored already, and doing the others."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from ncviz import tasks
from ncviz.config import PruningConfig
from ncviz.data.datasets import find_dataset, load_dataset
from ncviz.errors import DataError, NcvizError
from ncviz.fingerprint import digest
from ncviz.models.network import Network
from ncviz.models.training.train import train_zoo_model
from ncviz.progress import Progress
from ncviz.pruning.scores import SCORES
from ncviz.studies.paper.plan import Experiment, curves, spec_of
from ncviz.studies.paper.trained import is_own, open_trained
from ncviz.studies.paper.usual import unusual

# The orders of a large network would drive its curves out of a store that is full; each is used but once here.
LARGE_ORDER = 200_000


@dataclass(frozen=True)
class Step(ABC):
    """One thing to do for a network, given by its name."""

    network: str

    @property
    def title(self) -> str:
        """What it is called while it runs."""
        return f"{spec_of(self.network).title}: {self._what}"

    @property
    @abstractmethod
    def _what(self) -> str: ...


class TrainStep(Step):
    """Training it."""

    @property
    def _what(self) -> str:
        return "training"


@dataclass(frozen=True)
class ResultStep(Step):
    """A result of it that the store keeps, with these settings."""

    config: PruningConfig

    @abstractmethod
    def task(self, network: Network, sparsities: Sequence[float]) -> tasks.Task[Any]:
        """Return what computes the result on the open network."""


class CurvatureStep(ResultStep):
    """Its curvature."""

    @property
    def _what(self) -> str:
        config = self.config
        return ", ".join(
            ["curvature", f"{config.samples_per_class} a class", f"seed {config.seed}", *unusual(config)]
        )

    def task(self, network: Network, sparsities: Sequence[float]) -> tasks.Curvature:
        """Return what computes it; no sparsity decides it."""
        return tasks.Curvature(network, self.config.calibration)


class CurveStep(ResultStep):
    """Its accuracy over sparsity."""

    @property
    def _what(self) -> str:
        config = self.config
        return ", ".join([config.criterion, f"{config.order} first", config.scope, *unusual(config)])

    def task(self, network: Network, sparsities: Sequence[float]) -> tasks.Curve:
        """Return what measures it at these fractions of all weights."""
        return tasks.Curve(network, self.config, tuple(sparsities))


class Work:
    """An experiment on this machine: its steps, where results are kept, and how far it is.

    Args:
        experiment: What to measure.
        context: Where curvatures and curves are kept, on which data and where to compute.
        out: Folder of the report, and of networks that are trained here.
        is_trained_anew: Whether every network is trained here, those that ship with ncviz too.
    """

    def __init__(
        self, experiment: Experiment, context: tasks.Context, out: Path, *, is_trained_anew: bool = False
    ) -> None:
        self.experiment = experiment
        self.context = context
        self.out = out
        self.is_trained_anew = is_trained_anew
        self._networks: dict[str, Network] = {}
        self._keys: dict[Step, str] = {}

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """Every step, in the order in which they are done."""
        found: dict[Step, None] = {}
        for curve in curves(self.experiment):
            if is_own(spec_of(curve.network), self.is_trained_anew):
                found[TrainStep(curve.network)] = None
            config = curve.config
            if SCORES[config.criterion].needs_curvature:
                calibration = PruningConfig(
                    "curvature",
                    config.samples_per_class,
                    config.seed,
                    config.alpha,
                    **config.calibration.graph.options,
                )
                found[CurvatureStep(curve.network, calibration)] = None
            found[CurveStep(curve.network, config)] = None
        return tuple(found)

    @property
    def curves(self) -> tuple[CurveStep, ...]:
        """Those of the steps that measure a curve."""
        return tuple(step for step in self.steps if isinstance(step, CurveStep))

    @property
    def models(self) -> Path:
        """Folder of the networks that are trained here."""
        return self.out / "models"

    def network(self, name: str) -> Network | None:
        """Return a network, or None if it has to be trained first.

        Raises:
            ModelError: If its file is damaged, or it was trained here on other images.
        """
        if name not in self._networks:
            if is_own(spec_of(name), self.is_trained_anew):
                found = open_trained(spec_of(name), self.models, self.context)
            else:
                found = tasks.open_network(name)
            if found is None:
                return None
            self._networks[name] = found
        return self._networks[name]

    def key(self, step: Step) -> str | None:
        """Return under which key the store keeps a step's result; None for a training, and before it."""
        if step in self._keys:
            return self._keys[step]
        network = self.network(step.network)
        if network is None or not isinstance(step, ResultStep):
            return None
        key = step.task(network, self.experiment.sparsities).key(self.context)
        # Kept, because a folder of single images is looked through for each.
        self._keys[step] = key
        return key

    def is_done(self, step: Step) -> bool:
        """Whether nothing is left to do for a step."""
        if isinstance(step, TrainStep):
            return self.network(step.network) is not None
        key = self.key(step)
        if key is None:
            return False
        return self.context.store.has(key) or (isinstance(step, CurvatureStep) and not self._is_needed(step))

    def pending(self) -> list[Step]:
        """Return the steps that are left to do, in their order."""
        return [step for step in self.steps if not self.is_done(step)]

    def run(self, progress: Callable[[Step, float, str], None]) -> Iterator[Step]:
        """Do what is left, yielding each step when its result is kept; stop whenever you like.

        Args:
            progress: Called with the step, how much of it is done, and what is being done.

        Raises:
            NcvizError: In one sentence, whatever the user can mend, a store that cannot be written included.
        """
        for step in self.pending():
            if self.is_done(step):  # by another process meanwhile
                continue
            report = partial(progress, step)
            if isinstance(step, ResultStep):
                self._compute(step, report)
            else:
                self._train(step, report)
            yield step

    def _compute(self, step: ResultStep, report: Progress) -> None:
        network = self.network(step.network)
        if network is None:
            raise NcvizError(f"{spec_of(step.network).title} is not trained yet.")
        task = step.task(network, self.experiment.sparsities)
        problem = replace(self.context, progress=report).run(task).problem
        if isinstance(task, tasks.Curve) and tasks.removable(network, step.config) > LARGE_ORDER:
            self.context.store.remove(task.order.key(self.context))
        if problem is not None:
            raise NcvizError(problem)

    def _is_needed(self, step: CurvatureStep) -> bool:
        """Whether a curve that is not measured yet has to know a curvature."""
        network = self.network(step.network)
        if network is None:
            return True
        own = digest(step.config.calibration.key())
        for other in self.curves:
            config = other.config
            if other.network != step.network:
                continue
            is_user = SCORES[config.criterion].needs_curvature and digest(config.calibration.key()) == own
            order = tasks.Order(network, config)
            if is_user and not self.is_done(other) and not self.context.desk.has(order, self.context):
                return True
        return False

    def _train(self, step: Step, report: Progress) -> None:
        anew = " --train" if self.is_trained_anew else ""
        train_zoo_model(
            spec_of(step.network),
            self.context.data_dir,
            out_dir=self.models,
            device=self.context.device,
            progress=report,
            is_resumable=True,
            command=f"python -m ncviz reproduce {self.experiment.name} --data-dir FOLDER --networks {step.network}"
            f"{anew} --out OUT",
        )


def check_data(dataset: str, context: tasks.Context, is_sample: bool) -> None:
    """Refuse data that are not whole, unless the bundled sample is asked for.

    Raises:
        DataError: In one sentence.
    """
    spec = find_dataset(dataset)
    if is_sample:
        if not spec.is_bundled:
            raise DataError(f"No sample of {spec.title} ships with ncviz; leave out --sample.")
        return
    found = [load_dataset(dataset, split, context.data_dir) for split in ("train", "test")]
    if not all(part.is_complete for part in found):
        raise DataError(
            f"This needs all of {spec.title}, but there are {found[0].description} and {found[1].description}: name "
            f"the folder that holds the rest with --data-dir, or add --sample to run on the bundled images."
        )
