"""Blocks of edges in torch tensors, cut into streams for the kernel."""

from __future__ import annotations

import importlib.util
import os
import traceback
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

THREADS = 32
# What every GPU gives a block of threads without being asked for more.
SHARED_BYTES = 48 * 2**10
# Room for rows of costs beside a tree; more would leave fewer blocks on a multiprocessor at a time.
ROW_BYTES = 12 * 2**10
# So many streams keep a large GPU busy; longer ones save pivots, since each edge starts from the tree before it.
STREAMS = 4096
LEAST_EDGES, MOST_EDGES = 4, 64
MOST_NODES = 2**16
SPARE_BYTES = 2**30
# Devices on which the kernel could not run: trying again would take as long and fail as well.
_FAILED: set[str] = set()


class Problems(NamedTuple):
    """Blocks of edges that share their masses and direct costs, padded to one size; float64.

    Attributes:
        p: [b, P], masses of the sources, those that have any first; each block has at least one.
        q: [b, Q], of the sinks.
        C: [b, P, Q], direct costs, finite.
        A: [b, m, P], from the sources to each target.
        B: [b, n, Q], from each source of an edge to the sinks.
        d: [b, n, m], lengths of the edges.
    """

    p: Tensor
    q: Tensor
    C: Tensor
    A: Tensor
    B: Tensor
    d: Tensor


class Answer(NamedTuple):
    """What became of some edges.

    Attributes:
        value: float64 [e], the optimal cost where it is solved; -inf where it is at most the floor.
        is_solved: bool [e], whether it is proved optimal to 1e-10 of the edge's length or of the cost.
        is_skipped: bool [e], whether it is at most the floor. What is neither is left to the CPU.
        pivots: int64, of all edges together.
    """

    value: Tensor
    is_solved: Tensor
    is_skipped: Tensor
    pivots: Tensor


class KernelError(RuntimeError):
    """The kernel could not be compiled or started."""


def is_simulated() -> bool:
    """Whether kernels run in CUDA's simulator, on this machine's CPU."""
    return os.environ.get("NUMBA_ENABLE_CUDASIM") == "1"


def can_solve(device: str) -> bool:
    """Whether the kernel can run on a device's tensors.

    It can if numba-cuda is installed, the device is a CUDA GPU or simulated, and it has not failed there before.
    """
    return (
        device not in _FAILED
        and (device.startswith("cuda") or is_simulated())
        and importlib.util.find_spec("numba_cuda") is not None
    )


def bytes_of(P: int, Q: int, streams: int) -> int:
    """Return how much of the device's memory some streams take beside their problems."""
    from ncviz.transport.cuda.kernel import room_of

    doubles, words = room_of(P, Q, THREADS)
    tree = 8 * doubles + 4 * words
    return streams * (8 * (1 + P + Q) + (0 if tree <= SHARED_BYTES else tree) + 16)


def least_streams(edges: int) -> int:
    """Return how many streams so many edges of one block can become at most."""
    return -(-edges // LEAST_EDGES)


def most_pivots(nodes: int) -> int:
    """Return how many pivots an edge may take: a few slow ones would keep a whole launch waiting."""
    return 20 * nodes + 200


def solve_edges(
    problems: Problems, edges: Tensor, floor: Tensor | None = None, *, threads: int = THREADS
) -> Answer:
    """Solve some edges of some blocks.

    Args:
        problems: The blocks.
        edges: int64 [e, 3], block, i and j, in this order of precedence sorted.
        floor: float64 [e], edges that cost at most this need not be known exactly; none if not given.
        threads: Threads of a stream.

    Raises:
        torch.OutOfMemoryError: If the device's memory is full.
        KernelError: If the kernel cannot be compiled or started; from then on ``can_solve`` says so.
    """
    try:
        return _solve_edges(problems, edges, floor, threads)
    except Exception as error:
        if not _is_of_cuda(error):
            raise
        if "OUT_OF_MEMORY" in str(error):
            raise torch.OutOfMemoryError(str(error)) from error
        _FAILED.add(str(problems.p.device))
        raise KernelError(f"The GPU's kernel cannot run ({type(error).__name__}: {error}).") from error


def _is_of_cuda(error: Exception) -> bool:
    """Whether an error is the compiler's, the driver's or a missing library's.

    They have no class in common, and which there are depends on what is installed: so they are told by their package,
    and plain ones by where they were raised.
    """
    packages = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
    if isinstance(error, ImportError | OSError) or not packages.isdisjoint({"numba", "cuda"}):
        return True
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    return str(frame.f_globals.get("__name__")).startswith("numba.cuda.cudadrv.")


def _solve_edges(problems: Problems, edges: Tensor, floor: Tensor | None, threads: int) -> Answer:
    from ncviz.transport.cuda import kernel

    p, q, C, *_ = problems
    P, Q = C.shape[1:]
    count = len(edges)
    value = torch.full((count,), torch.nan, dtype=torch.float64, device=p.device)
    state = torch.full((count,), kernel.LEFT, dtype=torch.int32, device=p.device)
    pivots = torch.zeros((), dtype=torch.int64, device=p.device)
    if floor is None:
        floor = torch.full_like(value, -torch.inf)
    doubles, words = kernel.room_of(P, Q, threads)
    nodes = 1 + P + Q
    if count and nodes < MOST_NODES:
        tree = 8 * doubles + 4 * words + 8
        is_shared = tree <= SHARED_BYTES
        shared = min(SHARED_BYTES, tree + min(ROW_BYTES, 8 * P * Q)) if is_shared else 0
        streams = _streams(edges[:, 0])
        points = torch.stack([(p > 0).sum(1), (q > 0).sum(1)], 1)
        # What is padded has the cost of nothing.
        of_points = (p[:, :, None] > 0) & (q[:, None, :] > 0)
        largest = torch.where(of_points, C, -torch.inf).amax((1, 2))
        own = (*problems, largest, points.to(torch.int32))
        at_once = len(streams) if is_shared else max(1, SPARE_BYTES // tree)
        for begin in range(0, len(streams), at_once):
            some = streams[begin : begin + at_once]
            width = (1, 1) if is_shared else (doubles, words)
            room = (
                torch.empty((len(some), width[0]), dtype=torch.float64, device=p.device),
                torch.empty((len(some), width[1]), dtype=torch.int32, device=p.device),
                torch.zeros((len(some), nodes, 1), dtype=torch.int64, device=p.device),
                torch.zeros((1, 1), dtype=torch.int64, device=p.device),
            )
            spent = torch.zeros(len(some), dtype=torch.int32, device=p.device)
            with _on(p.device) as stream:
                kernel.solve_streams[len(some), threads, stream, shared](
                    tuple(map(_array, own)),
                    (_array(some), _array(edges[:, 1:].to(torch.int32)), _array(floor)),
                    (_array(room[0]), *(_array(part, unsigned=True) for part in room[1:])),
                    (_array(value), _array(state), _array(spent)),
                    most_pivots(nodes),
                )
            pivots = pivots + spent.sum()
    return Answer(value, state == kernel.SOLVED, state == kernel.SKIPPED, pivots)


def _streams(block: Tensor) -> Tensor:
    """Cut edges into streams of one block each, int32 [s, 3]: the block, the first edge and the end of the edges."""
    length = max(LEAST_EDGES, min(MOST_EDGES, len(block) // STREAMS))
    at = torch.arange(len(block), device=block.device)
    is_other = torch.ones_like(block, dtype=torch.bool)
    is_other[1:] = block[1:] != block[:-1]
    first = torch.where(is_other, at, 0).cummax(0).values
    begin = ((at - first) % length == 0).nonzero()[:, 0]
    end = torch.cat([begin[1:], begin.new_tensor([len(block)])])
    return torch.stack([block[begin], begin, end], 1).to(torch.int32)


def _array(tensor: Tensor, unsigned: bool = False) -> Any:
    """Return a tensor's own memory as the kernel takes it."""
    from numba import cuda

    tensor = tensor.contiguous()
    array = cuda.as_cuda_array(tensor) if tensor.is_cuda else tensor.numpy()
    if unsigned:
        return array.view(np.uint32 if tensor.dtype == torch.int32 else np.uint64)
    return array


def _on(device: torch.device) -> AbstractContextManager[Any]:
    """Make numba use a device and the stream on which torch works there."""
    if device.type != "cuda":
        return nullcontext(0)
    return _Current(device)


class _Current:
    """numba's context on torch's current stream of a device."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def __enter__(self) -> Any:
        from numba import cuda

        self.context = cuda.gpus[self.device.index or 0]
        self.context.__enter__()
        pointer = torch.cuda.current_stream(self.device).cuda_stream
        return cuda.external_stream(pointer) if pointer else cuda.default_stream()

    def __exit__(self, *error: object) -> None:
        self.context.__exit__(*error)
