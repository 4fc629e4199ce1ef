"""The check of a network of one's own: what was read, what it takes, what makes it fit, and the start."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from ncviz import tasks
from ncviz.config import CurvatureConfig
from ncviz.scene.wording import NORM_WORDS
from ncviz.tasks.images import register, size_of
from ncviz.tasks.preflight import Check, Checked, Timing
from ncviz.text import about, amount, never_active_words, plain, short_paths, size, with_code
from ncviz.ui.model.draft import Draft
from ncviz.ui.model.preflight_runs import run
from ncviz.ui.session import jobs, networks, session
from ncviz.ui.session.problems import telling_errors
from ncviz.ui.session.tables import show_table

if TYPE_CHECKING:
    from ncviz.tasks.preflight import Choice, LayerFacts, Preflight

WHOLE = "The whole network: exact"
# Up to here, timing takes seconds.
QUICK_EDGES = 3_000_000


@telling_errors()
def draw_check(found: Draft) -> None:
    """Draw the check; it starts by itself once there are images."""
    of = found.bound
    checked = run("check", Check(of), "Reading your network")
    if checked is None:
        return
    check = checked.preflight
    if check.problems:
        for problem in check.problems:
            st.error(with_code(problem))
        st.write(
            "The curvature of this network cannot be computed. Networks of linear and convolutional layers with skips, "
            "concatenations, pooling and elementwise activations can."
        )
        return
    for note in check.notes:
        st.info(plain(note))
    _draw_accuracy(checked)
    # Measuring the time takes far longer than reading the network, so that is shown first.
    place = st.container()
    timed = _measure_time(of, checked)
    with place:
        _draw_totals(timed or check)
        if told := _image_words(timed or check):
            st.info(told)
        if check.batchnorm:
            st.caption(f"{NORM_WORDS[check.batchnorm]}; the Curvature page can change that.")
        with st.expander(f"What was read: {len(check.layers)} layers", expanded=len(check.layers) <= 12):
            _draw_layers(timed or check)
        _draw_devices(timed or check)
    _draw_choices(found, timed or check)


def _measure_time(of: tasks.Network, checked: Checked) -> Preflight | None:
    """Return the check with times, and show what measures them; large networks are measured when asked for."""
    assert checked.calibration is not None
    task = Timing(of, checked.calibration)
    slot = f"bring-timing-{task.key(session.context())[:12]}"
    if checked.preflight.edges > QUICK_EDGES and not st.session_state.get(slot):
        if st.button(
            "Measure how long it takes", key=f"{slot}-button", help="Takes up to a few minutes here."
        ):
            st.session_state[slot] = True
            st.rerun()
        return None
    return run("time", task, "Measuring how long it takes")


def _draw_accuracy(result: Checked) -> None:
    if result.right is None:
        return
    share = result.right / max(1, result.images)
    sample = f", a sample of the {result.among:,} to evaluate on," if result.among > result.images else ""
    sentence = f"{result.right} of {result.images} images{sample} are classified correctly ({share:.0%})."
    if share < 0.5:
        st.warning(
            f"{sentence} If you expected more, check size, normalisation and the order of the classes above: curvature "
            "looks only at images that the network gets right."
        )
    else:
        st.success(sentence)


def _draw_totals(check: Preflight) -> None:
    told = [
        ("Weights", amount(check.parameters), f"{check.parameters:,} that carry edges."),
        ("Neurons", amount(check.units), f"{check.units:,} in all layers."),
        ("Edges", amount(check.edges), f"{check.edges:,}: each use of a weight between two neurons."),
        ("Path lengths", size(check.table_bytes), "Memory for the distances between neurons."),
        (
            "Time on the CPU",
            "–" if check.seconds is None else about(check.seconds),
            "Measured on a small random part of the work.",
        ),
    ]
    with st.container(horizontal=True, gap="medium"):
        for label, value, note in told:
            st.metric(label, value, help=note, width="content")


def _layer_rows(check: Preflight) -> list[dict[str, Any]]:
    """Return what the table says of each layer, what fits a narrow one first; names by as much as tells them apart."""
    layers = check.layers
    names = [*dict.fromkeys(name for layer in layers for name in (layer.name, *layer.reads))]
    short = dict(zip(names, short_paths(names), strict=True))
    return [
        {
            "layer": short[layer.name],
            **({"path lengths": _lengths_words(layer)} if check.depends_on_image else {}),
            "kind": layer.kind,
            "output": "×".join(map(str, layer.output_shape)),
            "parameters": layer.parameters,
            "edges": layer.edges,
            "live edges": layer.live,
            "reads": ", ".join(short[name] for name in layer.reads),
        }
        for layer in layers
    ]


def _draw_layers(check: Preflight) -> None:
    rows = _layer_rows(check)
    number = st.column_config.NumberColumn(format="localized")
    share = st.column_config.ProgressColumn(
        format="percent",
        min_value=0,
        max_value=1,
        help="On the calibration images; the others carry nothing there.",
    )
    show_table(
        pd.DataFrame(rows),
        hide_index=True,
        column_config={"parameters": number, "edges": number, "live edges": share},
    )

    if check.never_active:
        st.caption(
            f"{never_active_words(check.never_active, check.images)}: nothing is measured of them, so their place in "
            "the pruning order is a choice (Explore, *Never active*)."
        )


def _lengths_words(layer: LayerFacts) -> str:
    """Return whose the path lengths are that a layer's curvature needs; "–" where it has no weights."""
    if not layer.parameters:
        return "–"
    return "each image's own" if layer.is_of_image else "the same for all images"


def _image_words(check: Preflight) -> str:
    """Return what it means that some path lengths are each image's own; "" where none are."""
    if not check.depends_on_image:
        return ""
    weighted = [layer for layer in check.layers if layer.parameters]
    count = sum(layer.is_of_image for layer in weighted)
    return (
        f"Its attention weighs paths anew on each image: {count} of {len(weighted)} layers need path lengths of each "
        "image's own, made one image after the other: time grows with the images, memory does not."
    )


def _draw_devices(check: Preflight) -> None:
    for device in check.devices:
        free = "" if device.free_bytes is None else f", {size(device.free_bytes)} free"
        title = f"CPU, {device.title}" if device.name == "cpu" else device.title
        fits = "fits" if device.fits else "does not fit as a whole"
        time = "time not measured yet" if device.seconds is None else about(device.seconds)
        st.caption(plain(f"{title}: {fits}{free}, {time}. {device.note}".strip()))


def _draw_choices(found: Draft, check: Preflight) -> None:
    """Offer the whole network and what is smaller, and start what is chosen."""
    ways: list[Choice | None] = [*([None] if check.fits else []), *check.choices]
    if not check.fits:
        st.warning(
            f"The whole network needs {size(check.table_bytes)} for path lengths, more than there is. "
            + ("Choose a part:" if ways else "Nothing smaller fits this machine either.")
        )
    if not ways:
        return
    at = 0
    if len(ways) > 1:
        told = [
            f"{WHOLE} · {_cost_words(check)}" if way is None else f"{way.title} · {_cost_words(way)}"
            for way in ways
        ]
        at = st.radio(
            "What to compute",
            range(len(ways)),
            format_func=lambda at: plain(told[at]),
            key=f"bring-part-{len(ways)}",
        )
    if st.button("Compute curvature", type="primary", key="bring-compute"):
        way = ways[at]
        _compute(
            found,
            CurvatureConfig() if way is None else way.config,
            found.input_shape if way is None else way.input_shape,
        )


@telling_errors()
def _compute(found: Draft, config: CurvatureConfig, shape: tuple[int, ...]) -> None:
    """Make it one of this session's networks, start the computation and go to its picture."""
    if shape != found.input_shape:
        with st.spinner("Making the images smaller…"):
            smaller = tasks.smaller_images(found.dataset, size_of(shape), session.context())
        found = replace(found, dataset=register(smaller), settings=smaller.settings)
    networks.add_network(found.bound)
    session.change(
        alpha=config.alpha,
        samples=config.samples_per_class,
        seed=config.seed,
        parts=",".join(config.layers),
        channels=config.channels,
        criterion="curvature",
        order="redundant",
    )
    view, of = session.view(), session.network()
    if None in jobs.results(of, view):
        jobs.start_curvature(of, view.config, view.scope, view.never)
    st.switch_page("pages/explore.py")


def _cost_words(of: Choice | Preflight) -> str:
    time = "not measured" if of.seconds is None else about(of.seconds)
    return f"{time}, {size(of.table_bytes)}"
