"""What can flow through a picture: the calibration images, of all, of a class, or one, and an image of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ncviz.scene.cards.parts import image
from ncviz.scene.selection import Flow, read_flow
from ncviz.tasks import CurvatureRecord, Network, white_level

MOST_PICTURES = 10
MOST_IMAGES = 200
# How many images flow through a network at once, for the mean over them.
MOST_TOGETHER = 64
# The largest side of an image that is drawn by hand.
LARGEST_DRAWN = 64
# How large a data set has its digits, in pixels, and what is put into the middle: the ink's mass, or its frame.
_DRAWN = {"mnist": (20, "mass"), "digits": (8, "box")}
_DRAWN_SHARE = 20 / 28
OWN_TITLE = "an image of your own"


def image_choices(
    record: CurvatureRecord, network: Network, chosen: str, own: np.ndarray | None = None
) -> dict[str, Any]:
    """Return what can flow: the first image of each class as far as there is room, the chosen one, one's own.

    Args:
        record: The curvature over all calibration images.
        network: The network.
        chosen: What flows, as the view has it.
        own: A drawn or a brought image that the network can take, uint8 [C, H, W].
    """
    spec, pictures = network.dataset_spec, record.pictures
    found: dict[str, Any] = {
        "of": network.fingerprint,
        "chosen": chosen,
        "images": [],
        "own": None,
        "white": white_level(network.dataset),
    }
    found |= {"drawing": None, "can_bring": False}
    if pictures.images.ndim != 4:
        return found
    first = np.unique(record.labels, return_index=True)[1]
    offered = first[first < len(pictures)][:MOST_PICTURES].tolist()
    offered += [at for at in range(len(pictures)) if str(Flow("image", at)) == chosen and at not in offered]
    found["images"] = [
        {
            "flow": str(Flow("image", at)),
            "number": at,
            "label": f"class {spec.classes[record.labels[at]]}",
            # Where nobody knows the right classes, the labels are what the network itself says.
            "class": int(record.labels[at]) if spec.has_labels else None,
            **image(pictures.images[at]),
        }
        for at in offered
    ]
    channels, rows, columns = pictures.images.shape[1:]
    if channels == 1 and max(rows, columns) <= LARGEST_DRAWN:
        size, by = _DRAWN.get(network.dataset, (round(_DRAWN_SHARE * min(rows, columns)), "mass"))
        found["drawing"] = {"rows": rows, "columns": columns, "size": size, "by": by}
    return found | {"can_bring": True, "own": None if own is None else image(own)}


def group_choice(
    record: CurvatureRecord, network: Network, chosen: str, *, with_images: bool
) -> dict[str, Any] | None:
    """Return the images of which the mean flows; None where one alone does, or there are too many.

    Args:
        record: The curvature over all calibration images.
        network: The network.
        chosen: What flows, as the view has it.
        with_images: Whether they are sent along, for a browser that knows what the network does to them.
    """
    own = samples_together(record, chosen)
    if own is None:
        return None
    spec, pictures = network.dataset_spec, record.pictures
    if with_images and not (pictures.images.ndim == 4 and max(own) < len(pictures)):
        return None
    sent = own if with_images else []
    return {
        "flow": chosen,
        "title": _together(record, spec.classes, chosen),
        "classes": record.labels[own].tolist() if spec.has_labels else None,
        "images": [image(pictures.images[at]) for at in sent],
    }


def _together(record: CurvatureRecord, classes: Sequence[str], chosen: str) -> str:
    """Return the name of several images, which may be the one image of a class."""
    flow = read_flow(chosen)
    alone = f"class {classes[flow.number]} (1 image)" if flow.kind == "class" else chosen
    return flow_titles(record, classes).get(chosen, alone)


def samples_together(record: CurvatureRecord, chosen: str) -> list[int] | None:
    """Return the calibration images of which the mean flows; None where one alone does, or there are too many."""
    flow = read_flow(chosen)
    if flow.kind not in ("all", "class"):
        return None
    own = flow.samples(record.labels.tolist())
    own = list(range(len(record.labels))) if own is None else own
    return own if 0 < len(own) <= MOST_TOGETHER else None


def flow_titles(record: CurvatureRecord, classes: Sequence[str]) -> dict[str, str]:
    """Return all choices with their names: all images, each class with several, each image."""
    labels = record.labels.tolist()
    found = {str(Flow()): f"all {len(labels)} images" if len(labels) > 1 else "the one image"}
    for label in sorted(set(labels)):
        if labels.count(label) > 1:
            found[str(Flow("class", label))] = f"class {classes[label]} ({labels.count(label)} images)"
    for at, label in enumerate(labels[:MOST_IMAGES]):
        found[str(Flow("image", at))] = f"image {at}, class {classes[label]}"
    return found
