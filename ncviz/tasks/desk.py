"""Where results are asked for: out of memory or the store, out of a run that is under way, or computed and kept."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict, defaultdict
from contextlib import nullcontext, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from ncviz.data.user_data.registry import is_user_data
from ncviz.errors import NcvizError, StoreError
from ncviz.jobs import Job, JobRegistry
from ncviz.store import Record, Store
from ncviz.tasks.series import Series, SeriesLog, Whole
from ncviz.tasks.task import Context, Outcome, StoredTask, Task

R = TypeVar("R")
BUNDLED = Path(__file__).parents[1] / "models" / "results"
# Where a result speaks of images in the words of whoever brought them, and what every session may read instead.
_ABOUT_IMAGES = ("pool", "calibrated_on", "evaluated_on", "trained_on", "repaired_on")
_OWN_IMAGES = "a user's own images"


class Desk:
    """All that is known of results: the store, the jobs under way, and what could not be stored.

    Args:
        store: Where results are kept.
        jobs: What runs in the background; without it, nothing does.
        has_memory: Whether the results used last stay in memory, as many of each kind as its ``most_known`` says.
    """

    def __init__(self, store: Store, jobs: JobRegistry | None = None, *, has_memory: bool = False) -> None:
        self.store = store
        self._jobs = jobs
        self._has_memory = has_memory
        self._lock = threading.Lock()
        self._known: dict[type, OrderedDict[tuple[str, ...], Any]] = defaultdict(OrderedDict)
        self._unstored: dict[type, OrderedDict[str, Record]] = defaultdict(OrderedDict)

    @property
    def jobs(self) -> JobRegistry:
        """What runs in the background.

        Raises:
            RuntimeError: If nothing does here.
        """
        if self._jobs is None:
            raise RuntimeError("this desk runs nothing in the background")
        return self._jobs

    def look_up(self, task: Task[R], context: Context) -> R | None:
        """Return a result as far as it is known; None where it has to be computed.

        Raises:
            StoreError: If what the store keeps is of another version.
        """
        name = (task.key(context), *task.asked_as)
        with self._lock:
            known = self._known[type(task)]
            if name in known:
                known.move_to_end(name)
                found: R = known[name]
                return found
        result = task.known(context)
        if result is None and isinstance(task, StoredTask):
            record = self._unstored[type(task)].get(name[0]) or self.store.get(name[0])
            result = None if record is None else task.read(record)
        if result is not None:
            self._remember(task, name, result)
        return result

    def has(self, task: Task[Any], context: Context) -> bool:
        """Return whether a result is kept, without reading it."""
        key = task.key(context)
        return key in self._unstored[type(task)] or self.store.has(key)

    def run(self, task: Task[R], context: Context) -> Outcome[R]:
        """Return a result from what is known, or compute and keep it.

        Raises:
            NcvizError: In one sentence, whatever the user can mend.
            CancelledError: If the context's ``cancel`` was set.
        """
        known = self.look_up(task, context)
        if known is not None and task.is_complete(known, context):
            return Outcome(known, is_stored=True)
        result = task.run(context)
        if isinstance(task, StoredTask):
            return self.keep_best(task, context, result)
        self._remember(task, (task.key(context), *task.asked_as), result)
        return Outcome(result, is_stored=False)

    def keep_best(self, task: StoredTask[R], context: Context, result: R) -> Outcome[R]:
        """Keep a result, or what it and the one that is kept say together, and return that."""
        key = task.key(context)
        with self.store.locked() if task.is_sharpened else nullcontext():
            if task.is_sharpened:
                result = self._better(task, key, result)
            problem = self.keep(task, key, task.encode(result))
        if task.is_sharpened:
            with self._lock:
                # Under another name the looser one would be read on.
                known = self._known[type(task)]
                for name in [name for name in known if name[0] == key]:
                    del known[name]
        result = task.as_asked(result)
        self._remember(task, (key, *task.asked_as), result)
        return Outcome(result, False, problem)

    def _better(self, task: StoredTask[R], key: str, result: R) -> R:
        """Return the better one of a result and what another run has kept of it meanwhile."""
        with suppress(StoreError):
            record = self._unstored[type(task)].get(key)
            if record is None and self.store.has(key):
                record = self.store.get(key)
            return result if record is None else task.better(task.read(record), result)
        return result

    def keep(self, task: StoredTask[Any], key: str, record: Record) -> str | None:
        """Store a result; return what kept it from being stored, in which case it is kept here."""
        unstored = self._unstored[type(task)]
        try:
            self.store.put(key, record.arrays, _impersonal(record.meta))
        except StoreError as error:
            _put_last(unstored, key, record, task.most_unstored)
            return str(error)
        unstored.pop(key, None)
        return None

    def start(
        self,
        series: Series,
        context: Context,
        label: str,
        *,
        owner: str | None = None,
        most_seconds: float = math.inf,
    ) -> Job:
        """Do tasks in the background; a run of the same key that is under way is joined.

        Args:
            series: What to do.
            context: Where and how; progress and cancelling are the job's own.
            label: What the job is called for people.
            owner: Who asks.
            most_seconds: How long the job may run.
        """
        log = SeriesLog(tuple(series.tasks))

        def work(job: Job) -> Any:
            own = replace(context, progress=job.progress, cancel=job.cancel_event, ready={})
            result, whole = None, Whole(series, own)
            for number, task in enumerate(log.tasks):
                part = replace(whole.part(number), show=partial(log.shown.__setitem__, task))
                if series.prefixes:
                    part.say(0.0)
                try:
                    outcome = self.run(task, part)
                except NcvizError as error:
                    if not series.is_lenient:
                        raise
                    log.failures[task] = str(error)
                else:
                    result = outcome.result
                    job.problem = outcome.problem or job.problem
                log.done += 1
            return result

        last = log.tasks[-1]
        key, kind = series.key or last.key(context), replace(last.job, is_by_time=series.is_by_time)
        return self.jobs.start(key, label, work, owner, most_seconds, kind=kind, log=log)

    def job(self, task: Task[Any], context: Context) -> Job | None:
        """Return the latest run whose key is a task's own."""
        return self.jobs.get(task.key(context))

    def forget(self) -> None:
        """Drop the results in memory, and finished jobs but those whose results are nowhere else."""
        with self._lock:
            self._known.clear()
            self._unstored.clear()
        for job in self.jobs.jobs():
            if not job.kind.is_private:
                self.jobs.forget(job.key)

    def _remember(self, task: Task[Any], name: tuple[str, ...], result: Any) -> None:
        if self._has_memory and task.most_known:
            with self._lock:
                _put_last(self._known[type(task)], name, result, task.most_known)


def _put_last(kept: OrderedDict[Any, Any], key: Any, value: Any, most: int) -> None:
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > most:
        kept.popitem(last=False)


def _impersonal(meta: dict[str, Any]) -> dict[str, Any]:
    """Leave out what a user's own images and their classes are called: the store is everybody's."""
    if not is_user_data(meta.get("dataset")):
        return meta
    told = {name: _OWN_IMAGES for name in _ABOUT_IMAGES if name in meta}
    return {**meta, **told, **({"notes": []} if "notes" in meta else {})}


def open_store(url: str | None = None) -> Store:
    """Return the user's store, with the results that ship with ncviz behind it."""
    return Store(url, bundled=BUNDLED)


def open_context(url: str | None = None, data_dir: str | None = None, device: str = "cpu") -> Context:
    """Return where and how tasks run that keep their results in the user's store.

    Args:
        url: Folder or URL of the results; by default that of NCVIZ_CACHE, else the user's cache folder.
        data_dir: Folder of the full data sets; without it, the bundled samples.
        device: Where to compute.
    """
    return Context(Desk(open_store(url)), data_dir, device)
