"""Long work outside the page's thread: one run per key, progress, cancel, results whole or absent."""

from ncviz.jobs.job import Job, JobKind, JobSnapshot, State
from ncviz.jobs.registry import KEEP_FINISHED, JobRegistry

__all__ = ["KEEP_FINISHED", "Job", "JobKind", "JobRegistry", "JobSnapshot", "State"]
