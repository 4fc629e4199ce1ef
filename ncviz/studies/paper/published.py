"""What others published of the networks of the one-shot benchmark: quoted, never measured here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ncviz.studies.paper import tables


@dataclass(frozen=True)
class Published:
    """One row of somebody's table.

    Attributes:
        title: What they call the method.
        source: The paper that the numbers stand in, or that they go back to.
        accuracy: Fraction removed → accuracy in percent, without retraining.
    """

    title: str
    source: str
    accuracy: Mapping[float, float]


_AT = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98)


def _row(title: str, source: str, *values: float) -> Published:
    return Published(title, source, dict(zip(_AT, values, strict=True)))


# Quoted second hand: the row of magnitude was measured again on the authors' checkpoint, and agreed to 0.02; the others
# were not checked.
QUOTED = "second hand and unchecked, on another training of this network (93.97% whole)"
PUBLISHED: dict[str, tuple[Published, ...]] = {
    "mlpnet-mnist": (
        _row("Magnitude", "arXiv 2302.14623", 93.93, 93.62, 92.89, 90.30, 83.64, 32.25),
        _row("WoodFisher", "arXiv 2004.14340", 94.02, 93.77, 93.57, 91.69, 85.54, 38.26),
        _row("CBS", "arXiv 2203.04466", 93.96, 93.98, 93.90, 93.14, 88.92, 55.45),
        _row("CHITA", "arXiv 2302.14623", 95.97, 95.89, 95.80, 95.55, 94.70, 90.73),
    ),
}


def published_table(network: str) -> str:
    """Return what others published of a network in Markdown, with the source in a column of its own; "" if nothing."""
    rows = PUBLISHED.get(network, ())
    if not rows:
        return ""
    columns = sorted({value for row in rows for value in row.accuracy})
    cells = [
        [
            row.title,
            *(f"{row.accuracy[at] / 100:.3f}" if at in row.accuracy else "" for at in columns),
            row.source,
        ]
        for row in rows
    ]
    return tables.markdown(
        ["published, not measured here", *(f"{100 * at:g}%" for at in columns), "source"], cells
    )
