"""Negative edges beside robustness as a table, and as names of the images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ncviz.tasks.negative_edges.record import NegativeEdgesRecord


def negative_edges_table(record: NegativeEdgesRecord, classes: Sequence[str]) -> pd.DataFrame:
    """Return a row for each image that is measured; images count from 0, as in the evaluation data."""
    known = np.flatnonzero(record.known)
    return pd.DataFrame(
        {
            "image": record.image[known],
            "class": [classes[label] for label in record.label[known]],
            "negative_edges": record.negative[known],
            "live_edges": record.live[known],
            "unproved_edges": record.unproved[known],
            "negative_share": record.share[known],
            "smallest_radius": record.radius[known],
            "is_fooled": record.is_fooled[known],
        }
    )


def image_names(record: NegativeEdgesRecord, classes: Sequence[str]) -> list[str]:
    """Return what each measured image is called, such as "evaluation image 17, class 3"."""
    return [
        f"evaluation image {record.image[at]:,}, class {classes[record.label[at]]}"
        for at in np.flatnonzero(record.known)
    ]
