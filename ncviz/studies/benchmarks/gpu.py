"""The first thing to run on a CUDA GPU: the same results as the CPU's, then times, then where they go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ncviz.data.datasets import load_dataset
from ncviz.devices import available_devices
from ncviz.errors import DeviceError
from ncviz.models.zoo import MODELS
from ncviz.progress import Progress
from ncviz.studies.benchmarks.agreement import difference, report_difference
from ncviz.studies.benchmarks.cases.kinds import EDGES, WEIGHTS, GpuCase
from ncviz.studies.benchmarks.cases.networks import prepare
from ncviz.studies.benchmarks.timing import Settings, run_ours, summary

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ncviz.curvature import CurvatureResult

LISTED = 12


@dataclass(frozen=True)
class _Part:
    """One network on the device and on the CPU."""

    name: str
    net: nn.Module
    inputs: Tensor


def find_gpu() -> str:
    """Return the first CUDA device.

    Raises:
        DeviceError: If there is none, or the package that its kernel needs is missing.
    """
    from ncviz.transport.cuda.solve import can_solve

    found = next((device.name for device in available_devices() if device.name.startswith("cuda")), None)
    if found is None:
        raise DeviceError(
            "This machine has no CUDA GPU that torch can use; run the case 'gpu' on one that has."
        )
    if not can_solve(found):
        raise DeviceError('The kernel needs numba-cuda: pip install "ncviz[cuda]", then run the case again.')
    return found


def measure_gpu(
    case: GpuCase,
    settings: Settings,
    report: Progress,
    device: str | None = None,
    finished: Callable[[dict[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Compare each network's curvature with the CPU's, time it, and profile the last one.

    Args:
        case: What to run.
        settings: How to measure.
        report: Called with the fraction done and a message.
        device: Where; the first CUDA device if not given.
        finished: Called with each network's result as soon as it is there: a later one may fail.

    Raises:
        DeviceError: If there is no CUDA device, no kernel for it, or the kernel cannot run there.
    """
    from ncviz.transport.cuda.solve import can_solve

    where = find_gpu() if device is None else device
    rows, steps = [], len(case.networks) + 1
    for at, name in enumerate(case.networks):
        report(at / steps, f"{name}: loading")
        part = _Part(name, *_prepared(name, case.samples, settings.data_dir))
        few = part.inputs[: case.compared]
        report((at + 0.2) / steps, f"{name}: the same as on the CPU?")
        row: dict[str, Any] = {"network": name, "samples": case.samples}
        row["agreement"] = {mode: _compared(part.net, few, mode, where) for mode in (WEIGHTS, EDGES)}
        report((at + 0.5) / steps, f"{name}: times")
        # The first run at this size holds what the others find done: the kernel's compilation, memory asked for.
        run_ours(part.net, part.inputs, WEIGHTS, where)
        if where.startswith("cuda") and not can_solve(where):
            raise DeviceError(
                "The kernel cannot run on this GPU (see the warning), so that its times are none."
            )
        seconds = []
        for _ in range(settings.repeats):
            taken, result = run_ours(part.net, part.inputs, WEIGHTS, where)
            seconds.append(taken)
        row["seconds"], row["summary"] = seconds, summary(seconds)
        row["cpu_seconds"] = run_ours(part.net, part.inputs, WEIGHTS, "cpu")[0]
        row["work"] = _work(result)
        rows.append(row)
        if finished is not None:
            finished({"kind": "gpu", "device": where, "networks": [row], "profile": []})
    report((steps - 1) / steps, "profile")
    return {"kind": "gpu", "device": where, "networks": rows, "profile": _profile(part, where)}


def _prepared(name: str, samples: int, data_dir: str | None) -> tuple[nn.Module, Tensor]:
    """Return a network of the zoo with its calibration images, or an untrained one of an architecture."""
    from ncviz.models.catalogue.architectures import ARCHITECTURES, build_seeded

    if name in MODELS or name not in ARCHITECTURES:
        return prepare(name, samples, data_dir)
    pool = load_dataset(ARCHITECTURES[name].dataset, "train", data_dir)
    return build_seeded(name, 0).eval(), pool.inputs[:samples]


def _compared(net: nn.Module, inputs: Tensor, mode: str, device: str) -> dict[str, Any]:
    """Return how far the device's κ lie from the CPU's; of each weight, or of every edge on the first image."""
    if mode == EDGES:
        inputs = inputs[:1]
    ours, cpu = (run_ours(net, inputs, mode, where)[1] for where in (device, "cpu"))
    gaps = [
        difference(ours.least[index][0].numpy().reshape(-1), least.numpy().reshape(-1))
        for index, (least, *_) in enumerate(cpu.least)
    ]
    if mode == EDGES:
        gaps += [
            difference(ours.edges(index, 0)[2].numpy(), cpu.edges(index, 0)[2].numpy())
            for index in range(len(cpu.least))
        ]
    return {**report_difference(np.concatenate(gaps)), "work": _work(ours)}


def _work(result: CurvatureResult) -> dict[str, int]:
    """Return how the edges were settled, all connections together."""
    names = ("live", "closed", "certified", "skipped", "solved", "on_device", "left")
    return {name: sum(getattr(own, name) for own in result.work) for name in names}


def _profile(part: _Part, device: str) -> list[dict[str, Any]]:
    """Return what took most of the device's time (on a CPU, of its own) on one run, the longest first."""
    from torch.profiler import ProfilerActivity, profile

    is_gpu = device.startswith("cuda")
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if is_gpu else [])]
    with profile(activities=activities) as profiler:
        run_ours(part.net, part.inputs, WEIGHTS, device)
    field = "self_device_time_total" if is_gpu else "self_cpu_time_total"
    found = sorted(profiler.key_averages(), key=lambda row: -getattr(row, field))
    return [
        {"name": row.key, "calls": int(row.count), "seconds": getattr(row, field) / 1e6}
        for row in found[:LISTED]
    ]
