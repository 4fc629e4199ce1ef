"""What numbers are called that rest on less than usual: agreement where labels are missing, parts of a network."""

from __future__ import annotations

from ncviz import tasks
from ncviz.config import CurvatureConfig, GraphConfig
from ncviz.errors import NcvizError
from ncviz.text import number, plural
from ncviz.values import CLOSED_FROM, NEVER_ACTIVE

ACCURACY = "accuracy"
AGREEMENT = "agreement with the whole network"
# How a BatchNorm is read, in words.
NORM_WORDS = {"own": "BatchNorm left out of the graph", "folded": "BatchNorm folded into the weights"}
# What weights are divided by in the graph, in words; nothing is said where it is nothing.
SCALE_WORDS = {
    "own": "",
    "fan-in": "weights divided by their layer's fan-in",
    "channel-fan-in": "weights divided by their channel's fan-in",
}
# What they are divided by: the sum of |w| that comes …
CAME_INTO = {
    "fan-in": "layer brings into a unit",
    "channel-fan-in": "layer brings into a unit of its channel",
}
FOLDED = "BatchNorm folded"
# What studies of our own measured, on training images, with their commands in ncviz/studies/paper/README.md.
WHEN_TO_TRUST = (
    "Up to about 80% removed, curvature finds what the paper's LeNet can do without at least as well as magnitude does "
    "(five images a class: 95.7% right at 80%, magnitude 93.0%); beyond, and on VGG-9 from 30% on, LAMP keeps more "
    "(LeNet at 90%: 81.0%, curvature 62.9%, Curvature-LAMP 76.4%). "
    "What it knows beside a weight's size is mostly how much each layer counts: among weights of one layer and about "
    "one size it said nothing of LeNet that could be told from chance, where the size of the activation does. "
    "It is at its best with bottlenecks: half a percent of them leaves LeNet 41.9%, as many of the largest weights "
    "82.3%, and with *Weights* over the fan-in (Curvature page) they leave 17.1%, at a price at the redundant end "
    "(94.4% at 80%), but not on a ResNet-20, whose layers' scales BatchNorm hides: there it keeps 67.3% at 70% "
    "instead of 46.2% (magnitude 72.5%; one draw), and recalibrated 79.5% instead of 76.4% (magnitude 81.0%)."
)
MIDDLES = "κ: middles of certified intervals"
NO_LABELS = (
    "These images have no labels, so this is how often the network still gives the whole network's answer; "
    "accuracy needs labels."
)


def has_labels(of: tasks.Network) -> bool:
    """Whether the right answers to a network's images are known; images that are gone say nothing against it."""
    try:
        return of.dataset_spec.has_labels
    except NcvizError:
        return True


def word_for(of: tasks.Network) -> str:
    """Return what the share of right answers is called: accuracy, or agreement where labels are missing."""
    return ACCURACY if has_labels(of) else AGREEMENT


def way_words(kappa: float, alpha: float) -> str:
    """Return what κ says of the mass around an edge, "" where it says nothing.

    W = α·d + (1 − α)·(1 − κ)·d by the definition of κ. For α ≥ 1/2 the share α goes straight from one end to the other,
    and κ = 1 − OT/d does not depend on α: 1 − κ is how far the rest goes, on average, in units of d, the shortest way
    between the ends. Where it is below 0, ways past the edge are shorter than the edge. κ = 1 is also what an edge has
    of which nothing was measured.
    """
    if alpha < CLOSED_FROM or not kappa < NEVER_ACTIVE or abs(kappa - 1) < 1e-6:
        return ""
    if kappa > 1:
        return "finds ways past it that are shorter than itself"
    return f"goes {number(1 - kappa, 1 if kappa < 0.9 else 2)} times the way between its ends"


def short_word(of: tasks.Network) -> str:
    """Return the same for an axis or a column, where the sentence of ``note_for`` stands beside it."""
    return word_for(of).partition(" ")[0]


def note_for(of: tasks.Network) -> str:
    """Return the sentence that says why it is not accuracy, "" where it is."""
    return "" if has_labels(of) else NO_LABELS


def part_words(config: CurvatureConfig, layers: int | None = None) -> str:
    """Return what of a network a curvature is about, such as "3 of 21 layers"; "" for all of it.

    Args:
        config: Settings of the curvature.
        layers: How many layers with weights the network has, if that is known.
    """
    told = []
    if config.layers:
        count = len(config.layers)
        told.append(f"{count} of {layers} layers" if layers else plural(count, "layer"))
    if config.channels:
        told.append(f"at most {config.channels} channels a layer, drawn with seed {config.seed}")
    return ", ".join(told)


def graph_words(of: tasks.Network, config: CurvatureConfig) -> str:
    """Return how a curvature reads the network: its BatchNorm, if it has any, and what it divides weights by, if so."""
    told = NORM_WORDS[config.batchnorm] if of.has_batchnorm else ""
    return ", ".join(words for words in (told, SCALE_WORDS[config.scale]) if words)


def unusual_words(graph: GraphConfig, *, has_batchnorm: bool = True) -> list[str]:
    """Return such as "BatchNorm folded", for what says only what is not as in the paper.

    Args:
        graph: How a curvature reads the network.
        has_batchnorm: Whether that has a BatchNorm.
    """
    folded = FOLDED if has_batchnorm and graph.batchnorm == "folded" else ""
    return [words for words in (folded, SCALE_WORDS[graph.scale]) if words]


def settings_words(of: tasks.Network, config: CurvatureConfig) -> str:
    """Return the settings of a curvature, such as "curvature from 1 image per class, α = 0.9, seed 0"."""
    images = plural(config.samples_per_class, "image")
    part = part_words(config)
    told = [f"curvature from {images} per class, α = {config.alpha:g}, seed {config.seed}"]
    told += [words for words in (graph_words(of, config), f"of {part}" if part else "") if words]
    return "; ".join(told)


def private_title(of: tasks.Network) -> str:
    """Return what other sessions may read of a network: a run for one key is shared by all that ask for it."""
    return of.title if of.is_bundled else "your network"
