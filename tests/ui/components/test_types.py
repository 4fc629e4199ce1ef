"""The scripts' types say the same as Python does of what it hands to them."""

import types
import typing
from dataclasses import fields

import numpy as np
import pytest

from ncviz.plots.figure_frame import LINE, MUTED
from ncviz.plots.network import header
from ncviz.plots.network.payload import payload
from ncviz.plots.palette import Theme
from ncviz.ui.components.bundle import read_asset
from ncviz.ui.components.live import data as live
from tests.examples.three_by_two import three_by_two

PLAIN = {str: "string", int: "number", float: "number", bool: "boolean", types.NoneType: "null"}
SCHEMAS = [
    getattr(header, name)
    for name in (
        "Tokens",
        "Layer",
        "Block",
        "Link",
        "RankedOrder",
        "Tick",
        "Scale",
        "Spread",
        "OwnLines",
        "LayoutHeader",
        "ArrayEntry",
        "CloseupHeader",
        "Roomy",
        "Header",
    )
]


def written(kind):
    """A type of Python's as TypeScript writes it."""
    if kind in PLAIN:
        return PLAIN[kind]
    if kind == Theme:
        return "ThemeName"
    if kind == live.Tone:
        return "Tone"
    origin, inner = typing.get_origin(kind), [written(part) for part in typing.get_args(kind)]
    if origin is list:
        return f"({inner[0]})[]" if " " in inner[0] else f"{inner[0]}[]"
    if origin is dict:
        return f"Record<{inner[0]}, {inner[1]}>"
    if origin in (types.UnionType, typing.Union):
        return " | ".join(inner)
    return kind.__name__


def declared(name, kinds):
    lines = "".join(f"  {field}: {written(kind)};\n" for field, kind in kinds.items())
    return f"interface {name} {{\n{lines}}}\n"


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema.__name__)
def test_the_header_of_a_network_is_declared_as_it_is_sent(schema):
    assert declared(schema.__name__, typing.get_type_hints(schema)) in read_asset("network/types.d.ts")


def test_a_pruning_order_is_declared_as_it_is_sent():
    assert declared("Order", typing.get_type_hints(live.Order)) in read_asset("live/types.d.ts")


def test_the_panel_is_declared_with_every_field_that_is_sent():
    sent = live.panel_data(live.SliderStep("c", 1, 0, "a"), [], live.Curves(None, None))
    text = read_asset("live/types.d.ts").partition("interface PanelData {\n")[2].partition("\n}")[0]
    assert [line.split(":")[0].strip() for line in text.splitlines()] == list(sent)
    for one in (live.Sweep, live.Answer):
        text = (
            read_asset("live/types.d.ts").partition(f"interface {one.__name__} {{\n")[2].partition("\n}")[0]
        )
        assert [line.split(":")[0].strip() for line in text.splitlines()] == [
            field.name for field in fields(one)
        ]


def test_what_is_sent_has_every_field_of_the_header():
    edges = np.arange(6, dtype=np.int32)
    view = three_by_two()
    assert payload(view, {"up": edges}).header.keys() == header.Header.__annotations__.keys()


@pytest.mark.parametrize(("name", "colors"), [("muted", MUTED), ("line", LINE)])
def test_scripts_draw_in_the_same_greys_as_figures(name, colors):
    assert f'{name}: isDark ? "{colors["dark"]}" : "{colors["light"]}"' in read_asset("shared/theme.js")
