"""How long the curvature takes that pruning curves need, where it is not known yet."""

from __future__ import annotations

from collections.abc import Collection

import streamlit as st

from ncviz import tasks
from ncviz.config import CurvatureConfig, PruningConfig
from ncviz.scene.wording import private_title
from ncviz.tasks.criteria import criteria
from ncviz.tasks.images import find_dataset
from ncviz.tasks.preflight import CurvatureTime
from ncviz.ui.server import resources
from ncviz.ui.session import jobs, session
from ncviz.ui.session.following import follow

# Of a small network it is told before anybody sees that it was not.
_PATIENCE_SECONDS = 1.5
UNTOLD = (
    "What the curvature takes is not in that time: it cannot be told from a part of the work here. It comes first, is "
    "likely to take longest, and once it runs, the time left is told."
)


def seconds(of: tasks.Network, configs: Collection[PruningConfig]) -> float | None:
    """Return about how long the curvature takes that these curves need and that is not known.

    It takes for each image as long as it did with other settings, else as a small part of the work does, which is timed
    in the background. None where that is not known, or not yet.
    """
    unknown = _unknown(of, configs)
    if not unknown:
        return 0.0
    samples = sum(config.samples_per_class for config in unknown)
    before = session.context().look_up(tasks.Curvature(of, session.view().config))
    if before is not None:
        return samples * len({*before.labels.tolist()}) * before.seconds / max(1, len(before.labels))
    task = CurvatureTime(of, unknown[0])
    job = resources.desk().job(task, session.context())
    if job is None:
        job = jobs.start(tasks.Series([task]), f"How long the curvature of {private_title(of)} takes")
        job.wait(_PATIENCE_SECONDS)
    now = job.snapshot()
    per_image: float | None = now.result if now.state == "done" else None
    return None if per_image is None else samples * len(find_dataset(of.dataset).classes) * per_image


def tell(of: tasks.Network, configs: Collection[PruningConfig]) -> None:
    """Say why the curvature is not part of the time that was told; show the run that is to tell, as long as it does."""
    job = resources.desk().job(CurvatureTime(of, _unknown(of, configs)[0]), session.context())
    if job is not None and job.is_active:
        follow(job)
    else:
        st.caption(UNTOLD)


def _unknown(of: tasks.Network, configs: Collection[PruningConfig]) -> list[CurvatureConfig]:
    """Return the settings of the curvatures that these curves need and that are not known, each once."""
    needed = [config.calibration for config in configs if criteria()[config.criterion].needs_curvature]
    return [one for one in dict.fromkeys(needed) if not session.context().knows(tasks.Curvature(of, one))]
