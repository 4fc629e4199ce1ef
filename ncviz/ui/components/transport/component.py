"""The picture of one edge's optimal plan: bands that fill as the mass travels, and the work counting up."""

from typing import Any

from ncviz.plots.edge.flow import ROUTE_COLOURS, ROUTE_KEYS, ROUTES, Bands, route_of
from ncviz.text import share_words
from ncviz.ui.components.bundle import component

NAME = "ncviz_transport"
HEIGHT = 440
_LEAST = 1e-12


def transport_picture(
    drawn: Bands, *, key: str, subject: str, total: str, decimals: int, words: str, file_name: str
) -> None:
    """Draw a plan.

    Args:
        drawn: The plan, see ``ncviz.plots.edge.flow.bands``.
        key: Of the component.
        subject: Names what the plan is of; the mass sets out by itself when this changes.
        total: The work of the whole plan, as the page shows it.
        decimals: How many decimals that has.
        words: What is seen, for those who do not see it, and under a saved picture.
        file_name: Of a saved picture, without its ending.
    """
    component(NAME, "transport/component")(
        key=key,
        data={
            "subject": subject,
            "left": _ends(drawn.left, drawn.mass.sum(axis=1).tolist()),
            "right": _ends(drawn.right, drawn.mass.sum(axis=0).tolist()),
            "bands": [
                _band(drawn, row, column)
                for row, column in zip(*map(list, (drawn.mass > _LEAST).nonzero()), strict=True)
            ],
            "routes": [
                {
                    "name": name,
                    "title": ROUTE_KEYS[name],
                    "light": ROUTE_COLOURS["light"][name],
                    "dark": ROUTE_COLOURS["dark"][name],
                }
                for name in ROUTES
            ],
            "total": total,
            "decimals": decimals,
            "words": words,
            "height": HEIGHT,
            "file": file_name,
        },
    )


def _ends(names: tuple[str, ...], masses: list[float]) -> list[dict[str, str]]:
    return [
        {"name": name, "share": share_words(mass), "exact": f"{100 * mass!r}% of the mass"}
        for name, mass in zip(names, masses, strict=True)
    ]


def _band(drawn: Bands, row: int, column: int) -> dict[str, Any]:
    mass, work = float(drawn.mass[row, column]), float(drawn.work[row, column])
    return {
        "row": int(row),
        "column": int(column),
        "mass": mass,
        "distance": work / mass,
        "route": route_of(int(row), int(column)),
        "words": f"{drawn.left[row]} → {drawn.right[column]}: {share_words(mass)} of the mass over "
        f"{work / mass:.6g}, work {work:.6g}",
    }
