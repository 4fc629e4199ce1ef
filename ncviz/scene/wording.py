"""What numbers are called that rest on less than usual: agreement where labels are missing, parts of a network."""

from __future__ import annotations

from ncviz import tasks
from ncviz.config import CurvatureConfig
from ncviz.errors import NcvizError
from ncviz.text import plural

ACCURACY = "accuracy"
AGREEMENT = "agreement with the whole network"
# How a BatchNorm is read, in words.
NORM_WORDS = {"own": "BatchNorm left out of the graph", "folded": "BatchNorm folded into the weights"}
FOLDED = "BatchNorm folded"
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


def norm_words(of: tasks.Network, config: CurvatureConfig) -> str:
    """Return how a curvature reads the network's BatchNorm, "" where it has none."""
    return NORM_WORDS[config.batchnorm] if of.has_batchnorm else ""


def folded_words(of: tasks.Network, config: CurvatureConfig) -> str:
    """Return "BatchNorm folded" where a network's BatchNorm is, for what says only what is unusual; else ""."""
    return FOLDED if of.has_batchnorm and config.batchnorm == "folded" else ""


def private_title(of: tasks.Network) -> str:
    """Return what other sessions may read of a network: a run for one key is shared by all that ask for it."""
    return of.title if of.is_bundled else "your network"
