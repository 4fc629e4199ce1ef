"""What every kind of result is: inputs and settings that decide it, how it is made, and how the store keeps it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

from ncviz.data.datasets import load_dataset
from ncviz.data.fingerprints import data_fingerprint
from ncviz.errors import CancelledError, StoreError
from ncviz.jobs import JobKind
from ncviz.progress import Progress
from ncviz.store import Record, Store

if TYPE_CHECKING:
    import threading
    from concurrent.futures import Executor

    from ncviz.data.datasets import Dataset
    from ncviz.models.network import Network

R = TypeVar("R")
T = TypeVar("T")


class Results(Protocol):
    """Who knows what was done before, and keeps what is done; see ``ncviz.tasks.desk.Desk``, which is the one."""

    store: Store

    def look_up(self, task: Task[R], context: Context) -> R | None:
        """Return a result as far as it is known."""

    def has(self, task: Task[Any], context: Context) -> bool:
        """Return whether a result is kept, without reading it."""

    def run(self, task: Task[R], context: Context) -> Outcome[R]:
        """Return a result from what is known, or compute and keep it."""

    def keep_best(self, task: StoredTask[R], context: Context, result: R) -> Outcome[R]:
        """Keep a result, or what it and the one that is kept say together, and return that."""

    def keep(self, task: StoredTask[Any], key: str, record: Record) -> str | None:
        """Store a result; return what kept it from being stored."""


@dataclass(frozen=True, eq=False)
class Context:
    """Where and how a task runs; of all this only the images are part of its result.

    Attributes:
        desk: Who knows what was done before, and keeps what is done.
        data_dir: Folder of the full data sets; without it, the bundled samples.
        device: Where to compute.
        progress: Called with the fraction done and a message; may raise ``CancelledError`` to stop.
        cancel: Set it to stop.
        executor: What runs the work; by default a thread for each core of this machine.
        show: Called once with what fills while the task runs, such as losses, for whoever looks on.
        ready: What tasks that run one after the other share, by what it is for; see ``share``.
    """

    desk: Results
    data_dir: str | None = None
    device: str = "cpu"
    progress: Progress | None = None
    cancel: threading.Event | None = None
    executor: Executor | None = None
    show: Callable[[Any], None] | None = None
    ready: dict[str, tuple[Any, Any]] = field(default_factory=dict)

    @property
    def store(self) -> Store:
        """Where results are kept."""
        return self.desk.store

    def check(self) -> None:
        """Raise ``CancelledError`` once ``cancel`` is set."""
        if self.cancel is not None and self.cancel.is_set():
            raise CancelledError

    def say(self, fraction: float, message: str = "") -> None:
        """Tell how much is done, and stop once ``cancel`` is set."""
        self.check()
        if self.progress is not None:
            self.progress(fraction, message)

    def part(self, start: float, end: float, prefix: str = "") -> Context:
        """Return the context of a part of the work, which takes the time from one fraction to another.

        Args:
            start: Fraction of the whole at which the part begins.
            end: Fraction at which it ends.
            prefix: What stands before its messages.
        """

        def tell(fraction: float, message: str) -> None:
            self.say(start + (end - start) * fraction, prefix + message)

        return replace(self, progress=tell)

    def images(self, network: Network, split: str) -> Dataset:
        """Return a network's "train" or "test" images."""
        return load_dataset(network.dataset, split, self.data_dir).for_input(network.image_shape)

    def fingerprint(self, network: Network, split: str = "test") -> str:
        """Return the fingerprint of a network's images, by default of those that it is evaluated on."""
        return data_fingerprint(network.dataset, split, self.data_dir)

    def has_one_split(self, network: Network) -> bool:
        """Whether a network is calibrated and evaluated on the same images, as a user's are that are not split."""
        return self.fingerprint(network, "train") == self.fingerprint(network)

    def share(self, what: str, key: Any, make: Callable[[], T]) -> T:
        """Return what the task before this one made for the same key, or make it; the last stays, for the next one.

        Args:
            what: What it is for, such as "evaluator".
            key: All that decides it.
            make: Makes it.
        """
        if what not in self.ready or self.ready[what][0] != key:
            self.ready[what] = key, make()
        found: T = self.ready[what][1]
        return found

    def look_up(self, task: Task[R]) -> R | None:
        """Return a task's result as far as it is known, see ``Desk.look_up``."""
        return self.desk.look_up(task, self)

    def knows(self, task: Task[Any]) -> bool:
        """Return whether a task's result is known as well as it asks for, so that to run it takes no time."""
        known = self.look_up(task)
        return known is not None and task.is_complete(known, self)

    def run(self, task: Task[R]) -> Outcome[R]:
        """Return a task's result, known or new, see ``Desk.run``."""
        return self.desk.run(task, self)


@dataclass(frozen=True, eq=False)
class Outcome(Generic[R]):
    """A result, where it came from, and what kept it from being stored, if anything did."""

    result: R
    is_stored: bool
    problem: str | None = None


class Task(ABC, Generic[R]):
    """One result to be had; a frozen dataclass for each kind, whose fields are its inputs and settings.

    Attributes:
        job: What all background runs of the kind have in common.
        most_known: How many results of the kind a server keeps in memory, the latest used.
    """

    job: ClassVar[JobKind] = JobKind()
    most_known: ClassVar[int] = 0

    @abstractmethod
    def key(self, context: Context) -> str:
        """Return what tells the result from others: everything that decides it, and nothing else."""

    @abstractmethod
    def run(self, context: Context) -> R:
        """Make the result.

        Raises:
            NcvizError: In one sentence, whatever the user can mend.
            CancelledError: If the context's ``cancel`` was set.
        """

    @property
    def asked_as(self) -> tuple[str, ...]:
        """What a result speaks of in the words of whoever asks, which are nobody else's to read."""
        return ()

    def seconds(self, context: Context) -> float | None:
        """Return about how long it takes to make the result; None where a moment's look does not tell."""
        return None

    def known(self, context: Context) -> R | None:
        """Return what other results already hold of this one."""
        return None

    def is_complete(self, result: R, context: Context) -> bool:
        """Whether nothing is left to do for a result that is known."""
        return True


class StoredTask(Task[R]):
    """A task whose result the store keeps.

    Attributes:
        kind: What the record's ``meta["kind"]`` is.
        what: What the result is called for people, such as "curve".
        facts: What the record's ``meta`` must hold besides.
        most_unstored: How many results are kept in memory that could not be stored.
        is_sharpened: Whether a result may be known less well than it could be, so that a better one replaces it.
    """

    kind: ClassVar[str]
    what: ClassVar[str]
    facts: ClassVar[tuple[str, ...]] = ()
    most_unstored: ClassVar[int] = 50
    is_sharpened: ClassVar[bool] = False

    @abstractmethod
    def encode(self, result: R) -> Record:
        """Return a result as arrays and JSON."""

    @abstractmethod
    def decode(self, record: Record) -> R:
        """Read a result back, the same that ``encode`` was given; raises KeyError where a part is missing."""

    def better(self, known: R, new: R) -> R:
        """Return what the store keeps of a result that was there and one that was computed since."""
        return new

    def as_asked(self, result: R) -> R:
        """Return a result, new or read back, in the words and numbers of whoever asks for it."""
        return result

    def read(self, record: Record) -> R:
        """Return what a record holds.

        Raises:
            StoreError: If it is of another kind or version, or lacks a part.
        """
        try:
            if record.meta["kind"] != self.kind:
                raise KeyError("kind")
            found = self.decode(record)
            for name in self.facts:
                record.meta[name]
            return self.as_asked(found)
        except KeyError as error:
            raise StoreError(
                f"A stored {self.what} lacks {error}; clear it from the cache and compute again."
            ) from error


def anonymous(network: Network) -> dict[str, Any]:
    """What the store calls a network: every session sees its list, so the name of an upload stays out of it."""
    if network.is_bundled:
        return {"model": network.name, "title": network.title}
    return {"model": "own checkpoint", "title": f"own checkpoint ({network.architecture})"}
