"""A whole measurement: the machine, the settings and every case, as plain JSON types."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ncviz.devices import available_devices, cores
from ncviz.progress import Progress
from ncviz.studies.benchmarks.bounds import measure_bounds
from ncviz.studies.benchmarks.cases.kinds import (
    BoundsCase,
    Case,
    CurvatureCase,
    EstimatesCase,
    GpuCase,
    GrowthCase,
    MinPlusCase,
    ProfileCase,
    RicciCase,
    TransportCase,
    WorkersCase,
)
from ncviz.studies.benchmarks.cases.registry import DEFAULT_CASES, QUICK_CASES, find_case
from ncviz.studies.benchmarks.estimates import measure_estimates
from ncviz.studies.benchmarks.gpu import measure_gpu
from ncviz.studies.benchmarks.graphs import measure_ricci
from ncviz.studies.benchmarks.growth import measure_growth
from ncviz.studies.benchmarks.many import measure_transport
from ncviz.studies.benchmarks.measure import measure_curvature
from ncviz.studies.benchmarks.minplus import measure_min_plus
from ncviz.studies.benchmarks.profile import measure_profile
from ncviz.studies.benchmarks.timing import Settings
from ncviz.studies.benchmarks.workers import measure_workers

FORMAT = 1
_MEASURES: dict[type, Callable[[Any, Settings, Progress], dict[str, Any]]] = {
    BoundsCase: measure_bounds,
    CurvatureCase: measure_curvature,
    EstimatesCase: measure_estimates,
    GrowthCase: measure_growth,
    MinPlusCase: measure_min_plus,
    ProfileCase: measure_profile,
    RicciCase: measure_ricci,
    TransportCase: measure_transport,
    WorkersCase: measure_workers,
}


def run(
    names: Sequence[str],
    settings: Settings,
    report: Progress,
    finished: Callable[[dict[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Run some cases on every CUDA device and the CPU.

    Args:
        names: Names in ``CASES``; none stands for the usual ones.
        settings: How to measure; its devices are filled in.
        report: Called with the fraction done and a message.
        finished: Called with each case's result as soon as it is there; on a GPU with each network's before.

    Raises:
        NcvizError: If there is no case of a name, or its data are missing.
    """
    chosen = list(dict.fromkeys(names or (QUICK_CASES if settings.is_quick else DEFAULT_CASES)))
    cases = [find_case(name, settings.is_quick) for name in chosen]
    devices = available_devices()
    settings = replace(
        settings, devices=tuple(d.name for d in devices if d.name == "cpu" or d.name.startswith("cuda"))
    )
    results: list[dict[str, Any]] = []
    for index, case in enumerate(cases):

        def part(fraction: float, message: str, index: int = index) -> None:
            report((index + fraction) / len(cases), f"{cases[index].name}: {message}")

        results.append(measure(case, settings, part, finished))
        if finished is not None:
            finished(results[-1])
    return {
        "format": FORMAT,
        "machine": {**machine(), "devices": [asdict(device) for device in devices]},
        "settings": asdict(settings),
        "cases": results,
    }


def measure(
    case: Case,
    settings: Settings,
    report: Progress,
    finished: Callable[[dict[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Run one case and return its raw times, medians and ratios as plain JSON types.

    Where it has several networks that can fail one by one, ``finished`` is called with each one's.

    Raises:
        NcvizError: If its data are missing, or the device that it needs.
    """
    if isinstance(case, GpuCase):

        def one(network: dict[str, Any]) -> None:
            if finished is not None:
                finished({"case": case.name, "title": f"{case.title}: so far", **network})

        found = measure_gpu(case, settings, report, finished=one)
    else:
        found = _MEASURES[type(case)](case, settings, report)
    return {"case": case.name, "title": case.title, **found}


def machine() -> dict[str, Any]:
    """Return what the times depend on."""
    return {
        "cpu_count": os.cpu_count(),
        "cores_used": cores(),
        "cpu_model": _cpu_model(),
        "system": platform.platform(),
        "python": platform.python_version(),
        **{name.lower(): _version(name) for name in ("torch", "numba", "numpy", "POT")},
    }


def _cpu_model() -> str:
    try:
        match = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        match = None
    return match[1] if match else platform.processor()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
