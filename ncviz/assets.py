"""The scripts, styles and markup that lie beside the modules which use them, in a checkout as in a wheel."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def read_asset(package: str, name: str) -> str:
    """One text file of a package, such as `network/component.css` of `ncviz.ui.components`."""
    return files(package).joinpath(*name.split("/")).read_text(encoding="utf-8")
