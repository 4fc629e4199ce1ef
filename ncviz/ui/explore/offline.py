"""One HTML file with the network, the slider and the curves, that works without a server and asks no network."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from html import escape
from string import Template
from typing import Any

from ncviz.plots.network.payload import NetworkPayload, pack
from ncviz.ui.components.bundle import bundle, read_asset, styles

# Each component's module becomes a function of its own, so that names which they share do not meet.
_DEFAULT = re.compile(r"^export default ", re.MULTILINE)


def html_page(
    payload: NetworkPayload,
    volatile: Mapping[str, Any],
    panel: Mapping[str, Any],
    *,
    title: str,
    facts: Mapping[str, str],
) -> bytes:
    """Return the file.

    Args:
        payload: The network with the ranks of every order that the panel offers.
        volatile: What the canvas is given beside it: channel, height, removed, order and so on.
        panel: The panel's data, from ``ncviz.ui.explore.live_curves.offline_panel``, on the same channel.
        title: What is shown, plain text.
        facts: Of the network, the data and the settings, plain text by name.
    """
    values = {
        "title": escape(title),
        "facts": "\n".join(
            f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts.items()
        ),
        "style": read_asset("offline/page.css"),
        "panel": _json(panel),
        "payload": base64.b64encode(pack(payload, volatile)).decode(),
        "script": _script(),
    }
    for name in ("network", "live"):
        values[f"{name}_html"] = read_asset(f"{name}/component.html")
        values[f"{name}_style"] = styles(f"{name}/component")
    return Template(read_asset("offline/page.html")).substitute(values).encode()


def _script() -> str:
    network, live, offline = (
        _function(bundle(entry)) for entry in ("network/component.js", "live/component.js", "offline/page.js")
    )
    return f"{offline}({{\nnetwork: {network},\nlive: {live},\n}});"


def _function(module: str) -> str:
    """Return an expression that is the module's default export."""
    made, count = _DEFAULT.subn("return ", module)
    if count != 1 or "</script" in module.lower():
        raise ValueError("expected a module with one default export and without a closing script tag")
    return f"(() => {{\n{made}\n}})()"


def _json(value: Mapping[str, Any]) -> str:
    """Return JSON in which no name can close the element it stands in."""
    return json.dumps(value, allow_nan=False).replace("<", "\\u003c")
