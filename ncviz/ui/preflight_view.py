"""Step 3 of bringing a network: what was read, what it will take, what to choose to make it fit, and the start."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from ncviz import pipeline
from ncviz.config import CurvatureConfig
from ncviz.data.datasets import load_dataset
from ncviz.errors import NcvizError
from ncviz.fingerprint import digest
from ncviz.jobs import JobHandle
from ncviz.ui import bring_state, compute, data_view, resources, session
from ncviz.ui.bring_state import Draft
from ncviz.ui.naming import plain

if TYPE_CHECKING:
    from ncviz.preflight import Choice, Preflight

# A small network is checked before anybody sees that it is.
PATIENCE_SECONDS = 1.5
CALIBRATION_IMAGES, CHECKED_IMAGES = 10, 64
WHOLE = "The whole network: exact"


@dataclass(frozen=True)
class Checked:
    """What a check found.

    Attributes:
        preflight: Layers, problems, memory, time.
        right: How many of the images the network classifies correctly; None without labels.
        images: Of how many.
    """

    preflight: Preflight
    right: int | None
    images: int


def show(found: Draft) -> None:
    """Draw the check; it starts by itself once there are images."""
    of = found.bound
    data_dir = session.data_dir()
    try:
        key = compute.BRINGING + "check-" + digest(of.fingerprint, found.dataset, data_dir)
        result = _result(key, of, data_dir)
    except NcvizError as error:
        st.error(plain(str(error)))
        return
    if result is None:
        return
    check = result.preflight
    if check.problems:
        for problem in check.problems:
            st.error(plain(problem))
        st.write(
            "The curvature of this network cannot be computed. Networks of linear and convolutional layers with skips, "
            "concatenations, pooling and elementwise activations can."
        )
        return
    _accuracy(result)
    _totals(check)
    with st.expander(f"What was read: {len(check.layers)} layers", expanded=len(check.layers) <= 12):
        _table(check)
    _devices(check)
    _compute(found, check)


def check_network(of: pipeline.Network, data_dir: str | None, handle: JobHandle) -> Checked:
    """Check a network on some of its images.

    Raises:
        NcvizError: If network and images do not fit, in one sentence.
    """
    from ncviz.data.answers import predictions
    from ncviz.data.calibration import select_calibration
    from ncviz.preflight import preflight

    net = of.module()
    handle.progress(0.0, "reading the network")
    # What cannot be read is said before anything is said of the images.
    check = preflight(net, of.image_shape, cancel=handle.cancel_event)
    if check.problems:
        return Checked(check, None, 0)
    pool = load_dataset(of.dataset, "train", data_dir)
    chosen = select_calibration(net, pool, 1)[:CALIBRATION_IMAGES]
    handle.progress(0.2, "looking at the images")
    images = load_dataset(of.dataset, "test", data_dir)
    right = None
    if images.has_labels:
        own = slice(0, None, max(1, len(images) // CHECKED_IMAGES))
        found = predictions(net, images.inputs[own])
        right, count = int((found == images.labels[own]).sum()), len(found)

    def say(fraction: float, message: str) -> None:
        handle.progress(0.3 + 0.7 * fraction, message)

    check = preflight(net, of.image_shape, pool.inputs[chosen], progress=say, cancel=handle.cancel_event)
    return Checked(check, right, count if right is not None else 0)


def _result(key: str, of: pipeline.Network, data_dir: str | None) -> Checked | None:
    """Return what the check found, and show it while it runs."""
    held: tuple[str, Checked] | None = st.session_state.get("bring-checked")
    if held is not None and held[0] == key:
        return held[1]
    job = resources.registry().get(key)
    if job is None:
        job = compute.begin(
            key, "Checking your network", lambda handle: {"found": check_network(of, data_dir, handle)}
        )
    job.wait(PATIENCE_SECONDS)
    if job.is_active:
        bring_state.follow(job)
        return None
    now = job.snapshot()
    if now.state == "done":
        found: Checked = now.result["found"]
        st.session_state["bring-checked"] = (key, found)
        return found
    if now.state == "failed":
        st.error(plain(now.error or "The check failed."))
    else:
        st.info("The check was stopped.")
    if st.button("Check again", key="bring-check-again"):
        resources.registry().forget(key)
        st.rerun()
    return None


def _accuracy(result: Checked) -> None:
    if result.right is None:
        return
    share = result.right / max(1, result.images)
    sentence = f"{result.right} of {result.images} images are classified correctly ({share:.0%})."
    if share < 0.5:
        st.warning(
            f"{sentence} If you expected more, check size, normalisation and the order of the classes above: curvature "
            "looks only at images that the network gets right."
        )
    else:
        st.success(sentence)


def _totals(check: Preflight) -> None:
    columns = st.columns(5)
    columns[0].metric("Weights", f"{check.parameters:,}")
    columns[1].metric("Neurons", f"{check.units:,}")
    columns[2].metric("Edges", f"{check.edges:,}", help="Each use of a weight between two neurons.")
    columns[3].metric(
        "Path lengths", size_words(check.table_bytes), help="Memory for the distances between neurons."
    )
    columns[4].metric(
        "Time on the CPU", time_words(check.seconds), help="From a small random part of the work."
    )


def _table(check: Preflight) -> None:
    rows: list[dict[str, Any]] = [
        {
            "layer": layer.name,
            "kind": layer.kind,
            "reads": ", ".join(layer.reads),
            "output": "×".join(map(str, layer.output_shape)),
            "parameters": layer.parameters,
            "edges": layer.edges,
            "live edges": layer.live,
        }
        for layer in check.layers
    ]
    number = st.column_config.NumberColumn(format="localized")
    share = st.column_config.ProgressColumn(
        format="percent",
        min_value=0,
        max_value=1,
        help="On the calibration images; the others carry nothing there.",
    )
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        column_config={"parameters": number, "edges": number, "live edges": share},
    )


def _devices(check: Preflight) -> None:
    for device in check.devices:
        free = "" if device.free_bytes is None else f", {size_words(device.free_bytes)} free"
        fits = "fits" if device.fits else "does not fit as a whole"
        st.caption(
            plain(f"{device.title}: {fits}{free}, {time_words(device.seconds)}. {device.note}".strip())
        )


def _compute(found: Draft, check: Preflight) -> None:
    """Offer the whole network and what is smaller, and start what is chosen."""
    ways: list[Choice | None] = [*([None] if check.fits else []), *check.choices]
    if not check.fits:
        st.warning(
            f"The whole network needs {size_words(check.table_bytes)} for path lengths, more than there is. "
            + ("Choose a part:" if ways else "Nothing smaller fits this machine either.")
        )
    if not ways:
        return
    chosen = 0
    if len(ways) > 1:
        told = [
            f"{WHOLE} · {_takes(check)}" if way is None else f"{way.title} · {_takes(way)}" for way in ways
        ]
        chosen = st.radio(
            "What to compute",
            range(len(ways)),
            format_func=lambda at: plain(told[at]),
            key=f"bring-part-{len(ways)}",
        )
    if st.button("Compute curvature", type="primary", key="bring-compute"):
        way = ways[chosen]
        _use(
            found,
            CurvatureConfig() if way is None else way.config,
            found.input_shape if way is None else way.input_shape,
        )


def _use(found: Draft, config: CurvatureConfig, shape: tuple[int, ...]) -> None:
    """Make it one of this session's networks, start the computation and go to its picture."""
    if shape != found.input_shape:
        try:
            with st.spinner("Making the images smaller…"):
                dataset, settings = data_view.resized(found.dataset, (shape[1], shape[2]))
        except NcvizError as error:
            st.error(plain(str(error)))
            return
        found = replace(found, dataset=dataset, settings=settings)
    session.add_network(found.bound)
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
    if None in compute.results(of, view.config, view.scope, session.data_dir()):
        compute.start_curvature(of, view.config, session.device(), session.data_dir(), view.scope)
    st.switch_page("pages/explore.py")


def _takes(of: Choice | Preflight) -> str:
    return f"{time_words(of.seconds)}, {size_words(of.table_bytes)}"


def size_words(count: int) -> str:
    """Return an amount of memory for people, such as "120 MB"."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{count / factor:.3g} {unit}"
    return f"{count} bytes"


def time_words(seconds: float | None) -> str:
    """Return how long something takes for people, such as "about 40 s"."""
    if seconds is None:
        return "time unknown"
    if seconds < 1:
        return "under 1 s"
    if seconds < 90:
        return f"about {seconds:.0f} s"
    return f"about {seconds / 60:.0f} min" if seconds < 5400 else f"about {seconds / 3600:.1f} h"
