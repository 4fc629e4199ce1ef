"""What the curvature says of weights of equal size: does its transport cost tell which of them a network needs?

By the definition 1 − κ = W/d, the transport cost of an edge over its length (arXiv 2601.16366). With d = 1/|w| that is
|w| · W, so that κ holds the magnitude already, and ranks much as it does. What else it knows is W. Here single weights
are removed, and the change of the loss on training images is set beside what each criterion had said of them: among all
weights of the network, among those of one layer, and among those of one layer and about one size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.stats import spearmanr

from ncviz import tasks
from ncviz.config import GraphConfig
from ncviz.errors import NcvizError
from ncviz.models.network import Network
from ncviz.pruning.disagreement import loss_changes
from ncviz.pruning.scores import pruning_scores
from ncviz.studies.paper.ranking import curvature_config, evidence_of, training

# What is set beside the change of the loss: the weight's size, what ran through it, and the curvature.
PREDICTORS = {
    "size": "|w|",
    "activation": "norm of what it reads (Wanda's factor)",
    "wanda": "|w| times that (Wanda)",
    "curvature": "1 − κ",
    "transport": "W = (1 − κ)·d",
}
# Among what weights: of the whole network, of a layer, of a layer and about one size.
AMONG = ("network", "layer", "size")
BINS = 5
LEAST_PER_BIN = 8


@dataclass(frozen=True, eq=False)
class EqualSizeResult:
    """Rank correlation of what was said of single weights with the change of the loss when each is removed.

    Attributes:
        correlation: (predictor, among) → Spearman's ρ, float64 [seeds]; the mean over layers, or over layers and sizes.
        weights: How many weights were removed, one at a time, for each seed.
        images: Number of training images that the loss is measured on.
    """

    correlation: dict[tuple[str, str], np.ndarray]
    weights: int
    images: int


def study_equal_size(
    network: Network,
    context: tasks.Context,
    *,
    graph: GraphConfig | None = None,
    samples: int = 5,
    seeds: Sequence[int] = (1, 2, 3),
    weights: int = 500,
    images: int = 1000,
) -> EqualSizeResult:
    """Remove single weights and compare.

    Only weights that are live on the calibration images are drawn, equally many of each layer as far as there are; of a
    never-active one W is not known.

    Args:
        network: The network.
        context: Where curvatures are kept, on which data and where to compute.
        graph: How the curvature reads the network; by default as in the paper.
        samples: Calibration images of each class.
        seeds: Which calibration images, and which weights.
        weights: How many weights are removed for each seed.
        images: How many training images, drawn at random, the loss is measured on.

    Raises:
        NcvizError: If there are too few weights for one bin, or a curvature could not be proved.
    """
    shapes = tasks.shapes_of(network)
    each = weights // len(shapes)
    if each < BINS * LEAST_PER_BIN or not seeds or images < 1:
        raise NcvizError(
            f"{network.title} has {len(shapes)} layers, which takes at least {BINS * LEAST_PER_BIN * len(shapes)} "
            f"weights, a seed and an image; got {weights} weights."
        )
    found: dict[tuple[str, str], list[float]] = {}
    count = 0
    for at, seed in enumerate(seeds):
        own = context.part(at / len(seeds), (at + 1) / len(seeds))
        drawn = _drawn(network, own, graph or GraphConfig(), samples, seed, each)
        changes = _changes(network, own, {name: part["at"] for name, part in drawn.items()}, images)
        count = sum(len(values) for values in changes.values())
        for predictor in PREDICTORS:
            said = {name: part[predictor] for name, part in drawn.items()}
            for among in AMONG:
                value = _correlation(
                    said, changes, {name: part["size"] for name, part in drawn.items()}, among
                )
                found.setdefault((predictor, among), []).append(value)
    return EqualSizeResult({case: np.array(values) for case, values in found.items()}, count, images)


def _drawn(
    network: Network, context: tasks.Context, graph: GraphConfig, samples: int, seed: int, each: int
) -> dict[str, dict[str, np.ndarray]]:
    """Return for each layer which weights are removed, flat, and what each predictor says of them."""
    evidence = evidence_of(network, samples, seed, graph, context)
    pool = context.images(network, "train")
    chosen = torch.from_numpy(tasks.calibration(network, curvature_config(samples, seed, graph), pool))
    wanda = pruning_scores(network.module(), "wanda", inputs=pool.inputs[chosen])
    rng = np.random.default_rng(seed)
    found = {}
    for name, size in evidence.size.items():
        least = evidence.least(name).reshape(-1)
        live = np.flatnonzero(
            ~np.isnan(evidence.curvature[name]).all(axis=0).reshape(-1) & (size.reshape(-1) > 0)
        )
        at = np.sort(rng.permutation(live)[:each])
        own, through = size.reshape(-1)[at], wanda[name].numpy().reshape(-1)[at]
        said = {"size": own, "wanda": through, "activation": through / own, "curvature": 1 - least[at]}
        found[name] = {"at": at, **said, "transport": said["curvature"] / evidence.edge[name].reshape(-1)[at]}
    return found


def _changes(
    network: Network, context: tasks.Context, chosen: dict[str, np.ndarray], images: int
) -> dict[str, np.ndarray]:
    """Return by how much the mean loss changes when each weight alone is removed, whichever way, float64."""
    net, inputs, labels, device = training(network, images, context)
    shapes = {name: network.arrays[name].shape for name in chosen}
    ends = np.cumsum([network.arrays[name].size for name in chosen])
    numbers = [
        at + end - network.arrays[name].size for (name, at), end in zip(chosen.items(), ends, strict=True)
    ]
    found, _ = loss_changes(
        net, shapes, np.concatenate(numbers), inputs, labels, device=device,
        progress=lambda fraction: context.say(fraction, f"{network.title}: removing single weights"),
    )  # fmt: skip
    parts = np.split(np.abs(found), np.cumsum([len(at) for at in chosen.values()])[:-1])
    return dict(zip(chosen, parts, strict=True))


def _correlation(
    said: dict[str, np.ndarray], changes: dict[str, np.ndarray], sizes: dict[str, np.ndarray], among: str
) -> float:
    """Return Spearman's ρ among these weights, the mean over the layers or bins that it is taken in."""
    if among == "network":
        return _spearman(*(np.concatenate(list(values.values())) for values in (said, changes)))
    found = []
    for name, own in said.items():
        parts = [np.arange(len(own))]
        if among == "size":
            parts = np.array_split(np.argsort(sizes[name], kind="stable"), BINS)
        found += [_spearman(own[part], changes[name][part]) for part in parts if len(part) >= LEAST_PER_BIN]
    return float(np.nanmean(found)) if found else float("nan")


def _spearman(one: np.ndarray, other: np.ndarray) -> float:
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return float("nan")
    return float(spearmanr(one, other).statistic)
