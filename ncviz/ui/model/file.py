"""Step 1 of bringing a network: a file, published weights, a form, or Python."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from ncviz import tasks
from ncviz.jobs import JobHandle
from ncviz.limits import LIMITS
from ncviz.models.memory import HOLDINGS
from ncviz.text import megabytes, plain, quotable
from ncviz.ui.model import draft, form
from ncviz.ui.model.draft import Draft
from ncviz.ui.session.problems import telling_errors

ENDINGS = ("onnx", "pt", "pth", "safetensors", "pt2")
WAYS = {
    "file": "A file",
    "published": "Published weights",
    "form": "Build and train one",
    "python": "From Python",
}
PYTHON = """import ncviz, torch

# Any nn.Module that torch.fx or torch.export can trace, with images [n, C, H, W] as the network sees them.
result = ncviz.neural_curvature(net, images)
graph = ncviz.build_graph(net, images.shape[1:])

# For this page: one file with weights and layers (nothing else needed) …
torch.onnx.export(net.eval(), (images[:1],), "net.onnx", dynamic_shapes=({0: torch.export.Dim("batch")},))
# … or the weights alone, if the architecture is one that ncviz knows.
torch.save(net.state_dict(), "net.pt")
"""


def show(found: Draft | None) -> None:
    """Draw the ways in, or what was brought."""
    if found is not None and not draft.is_changing("network"):
        _brought(found)
        return
    if found is not None:
        draft.keep_former("network", plain(found.network.title))
    way = st.pills(
        "Where from",
        list(WAYS),
        format_func=lambda name: WAYS[name],
        default="file",
        required=True,
        label_visibility="collapsed",
        key="bring-way",
        persist_state="session",
    )
    ways: dict[str, Callable[[], None]] = {
        "file": _file,
        "published": _published,
        "form": form.show,
        "python": _python,
    }
    ways[str(way)]()


def _brought(found: Draft) -> None:
    of = found.network
    weights = sum(values.size for values in of.arrays.values())
    shape = "×".join(map(str, of.image_shape))
    words, other = st.columns([4, 1], vertical_alignment="center")
    words.markdown(
        f"**{plain(of.title)}** · input {shape} · {found.classes:,} classes · {weights:,} parameters",
        width="stretch",
    )
    if other.button("Bring another", key="bring-another", width="stretch"):
        draft.change("network")
        st.rerun()


def _file() -> None:
    file = st.file_uploader(
        "File of the network",
        type=list(ENDINGS),
        key="bring-file",
        max_upload_size=LIMITS.file_bytes // 2**20,
        label_visibility="collapsed",
    )
    # Streamlit runs the page again at every click; a file is read once.
    if file is not None and st.session_state.get("bring-read") != file.file_id:
        st.session_state["bring-read"] = file.file_id
        st.session_state["bring-choices"] = ()
        _read(file)
    choices: tuple[str, ...] = st.session_state.get("bring-choices", ())
    if file is not None and choices:
        st.info(
            f"The weights in {plain(file.name)} fit several architectures alike, because activations have none."
        )
        columns = st.columns([3, 1], vertical_alignment="bottom")
        chosen = columns[0].selectbox("Architecture", choices, format_func=_title, key="bring-architecture")
        if columns[1].button("Use this one", type="primary", key="bring-use", width="stretch"):
            _read(file, str(chosen))
    draft.show_problem("file")
    if file is None:
        st.caption(
            "**.onnx** and **.pt2** hold weights and layers and always suffice. **.pt**, **.pth** and **.safetensors** "
            "hold weights alone: they fit where the architecture is one of ours or torchvision's. Nothing in a file is "
            f"ever run, and it stays in this session. Up to {megabytes(LIMITS.file_bytes)}."
        )


def _read(file: UploadedFile, architecture: str | None = None) -> None:
    """Read a file; the page begins anew where it is a network."""
    from ncviz.models.catalogue.recognition import SeveralFitError
    from ncviz.models.files.open_file import read_file

    draft.clear_problem("file")
    with telling_errors(partial(draft.say_problem, "file"), then=partial(draft.let_go, file)):
        with st.spinner(f"Reading {plain(file.name)}…"):
            try:
                with HOLDINGS.reading(file.size, quotable(file.name)):
                    network = read_file(file.getvalue(), file.name, architecture)
            except SeveralFitError as error:
                st.session_state["bring-choices"] = error.choices
                return
            draft.take_network(network)
        st.session_state["bring-choices"] = ()
        draft.let_go(file)
        st.rerun()


def _title(architecture: str) -> str:
    from ncviz.models.catalogue.architectures import find_architecture

    return f"{find_architecture(architecture).title} ({architecture})"


def _published() -> None:
    from ncviz.models.catalogue.torchvision_models import default_weights
    from ncviz.models.pretrained import download_bytes, pretrained_names, weights_file

    found = draft.collect("published")
    if found is not None:
        with telling_errors(partial(draft.say_problem, "published")):
            draft.take_network(found)
            st.rerun()
    names = pretrained_names()
    columns = st.columns([3, 1], vertical_alignment="bottom")
    name = columns[0].selectbox(
        "Architecture",
        names,
        index=names.index("torchvision/squeezenet1_1") if "torchvision/squeezenet1_1" in names else 0,
        format_func=_title,
        key="bring-published",
        persist_state="session",
    )
    is_here = weights_file(name).is_file()
    size = megabytes(download_bytes(name))
    job = draft.running("published")
    pressed = columns[1].button(
        "Open" if is_here else f"Download {size}",
        type="primary",
        key="bring-download",
        width="stretch",
        disabled=job is not None,
    )
    where = default_weights(name).url.split("/")[2]
    st.caption(
        f"Torchvision's weights, trained on ImageNet's 1,000 classes. {size}, "
        + (
            "already on this machine."
            if is_here
            else f"fetched from {where} when you press the button, not before."
        )
    )
    if pressed:

        def work(handle: JobHandle) -> tasks.Network:
            from ncviz.models.pretrained import download_pretrained

            with HOLDINGS.reading(download_bytes(name), _title(name)):
                return download_pretrained(name, handle.progress, handle.cancel_event.is_set)

        draft.begin("published", f"Weights of {_title(name)}", work)
        st.rerun()
    if job is not None:
        draft.follow(job)
    draft.show_problem("published")


def _python() -> None:
    st.write(
        "Any module works from Python. To see it here, save it as ONNX and drop the file under *A file*."
    )
    st.code(PYTHON, language="python")
