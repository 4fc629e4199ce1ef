"""Over which calibration images κ can be drawn: all, those of a class, or one, as the pages offer them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ncviz.scene.cards.parts import image
from ncviz.scene.selection import Flow
from ncviz.tasks import CurvatureRecord

MOST_PICTURES = 10
MOST_IMAGES = 200


def image_choices(record: CurvatureRecord, classes: Sequence[str], chosen: str) -> dict[str, Any]:
    """Return the images to choose from beside the picture: the first of each class as far as there is room."""
    first = np.unique(record.labels, return_index=True)[1]
    images = []
    for at in first[first < len(record.pictures)][:MOST_PICTURES].tolist():
        pixels = record.pictures.images[at]
        if pixels.ndim != 3:
            return {"chosen": chosen, "images": []}
        label = f"class {classes[record.labels[at]]}"
        images.append({"flow": str(Flow("image", at)), "number": at + 1, "label": label, **image(pixels)})
    return {"chosen": chosen, "images": images}


def flow_titles(record: CurvatureRecord, classes: Sequence[str]) -> dict[str, str]:
    """Return all choices with their names: all images, each class with several, each image."""
    labels = record.labels.tolist()
    found = {str(Flow()): f"all {len(labels)} images"}
    for label in sorted(set(labels)):
        if labels.count(label) > 1:
            found[str(Flow("class", label))] = f"class {classes[label]} ({labels.count(label)} images)"
    for at, label in enumerate(labels[:MOST_IMAGES]):
        found[str(Flow("image", at))] = f"image {at + 1}, class {classes[label]}"
    return found
