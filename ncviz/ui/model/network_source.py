"""Where a network of one's own comes from: a file, published weights, a form, or Python."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from ncviz import tasks
from ncviz.jobs import Job
from ncviz.limits import LIMITS
from ncviz.tasks import own_networks
from ncviz.tasks.own_networks import Question
from ncviz.text import megabytes, plain, zero_words
from ncviz.ui.http.uploads import drop_upload
from ncviz.ui.model import draft, form
from ncviz.ui.model.draft import Draft
from ncviz.ui.session import session
from ncviz.ui.session.problems import telling_errors

# Whose weights, and which of them is chosen at first.
_PUBLISHERS = {"torchvision": "torchvision/squeezenet1_1", "timm": "timm/resnet18.a1_in1k"}
PYTHON = """import ncviz, torch

# Any nn.Module that torch.fx or torch.export can trace, with images [n, C, H, W] as the network sees them.
result = ncviz.neural_curvature(net, images)
graph = ncviz.build_graph(net, images.shape[1:])

# For this page: one file with weights and layers (nothing else needed) …
torch.onnx.export(net.eval(), (images[:1],), "net.onnx", dynamic_shapes=({0: torch.export.Dim("batch")},))
# … or the weights alone, if the architecture is one that ncviz knows.
torch.save(net.state_dict(), "net.pt")
"""


_ANSWERS, _QUESTION = "bring-answers", "bring-question"
# What a file may leave open: what to call it, why it does, and how its choices are shown.
_QUESTIONS: dict[str, tuple[str, str, Callable[[str], str]]] = {
    "architecture": (
        "Architecture",
        "holds weights that fit several architectures alike, because activations have none.",
        own_networks.architecture_title,
    ),
    "weights": (
        "Weights",
        "holds several weights that fit, such as the last ones and their average over the training.",
        lambda name: name or "the outermost",
    ),
    "output": ("Class scores", "has several outputs that may be the class scores.", str),
    "size": (
        "Images of",
        "leaves the height and width of its images open; choose them, or type others.",
        str,
    ),
}


def draw_network_step(found: Draft | None) -> None:
    """Draw the ways in, or the network that is there."""
    if found is not None and not draft.is_changing("network"):
        _draw_network(found)
        return
    if found is not None:
        draft.keep_former("network", plain(found.network.title))
    ways: dict[str, tuple[str, Callable[[], None]]] = {
        "file": ("A file", _draw_upload),
        "published": ("Published weights", _draw_published),
        "form": ("Build and train one", form.draw_form),
        "python": ("From Python", _draw_python),
    }
    way = st.pills(
        "Where from",
        list(ways),
        format_func=lambda name: ways[name][0],
        default="file",
        required=True,
        label_visibility="collapsed",
        key="bring-way",
        persist_state="session",
    )
    ways[str(way)][1]()


def _draw_network(found: Draft) -> None:
    of = found.network
    weights = sum(values.size for values in of.arrays.values())
    shape = "×".join(map(str, of.image_shape))
    words, other = st.columns([4, 1], vertical_alignment="center")
    words.markdown(
        f"**{plain(of.title)}** · input {shape} · {found.classes:,} classes · {weights:,} parameters",
        width="stretch",
    )
    sizes = {name: values.size for name, values in of.arrays.items() if values.ndim > 1}
    zeros = zero_words(tasks.zeros_in(of, sizes), sum(sizes.values()))
    for note in (*of.notes, *([f"{zeros}, and count as removed."] if zeros else [])):
        words.caption(plain(note))
    if other.button("Bring another", key="bring-another", width="stretch"):
        draft.change("network")
        st.rerun()


def _draw_upload() -> None:
    own_networks.prepare_reading()
    file = st.file_uploader(
        "File of the network",
        type=list(own_networks.ENDINGS),
        key="bring-file",
        max_upload_size=LIMITS.file_bytes // 2**20,
        label_visibility="collapsed",
    )
    # Streamlit runs the page again at every click; a file is read once.
    if file is not None and st.session_state.get("bring-read") != file.file_id:
        st.session_state["bring-read"] = file.file_id
        st.session_state[_ANSWERS], st.session_state[_QUESTION] = {}, None
        _read(file)
    question: Question | None = st.session_state.get(_QUESTION)
    if file is not None and question is not None:
        _ask(file, question)
    draft.draw_problem("file")
    if file is None:
        st.caption(
            "**.onnx** and **.pt2** hold weights and layers and always suffice. **.pt**, **.pth** and **.safetensors** "
            "hold weights alone: they fit where the architecture is one of ours or torchvision's. Nothing in a file is "
            f"ever run, and it stays in this session. Up to {megabytes(LIMITS.file_bytes)}."
        )


def _ask(file: UploadedFile, question: Question) -> None:
    """Draw the choice of what a file leaves open."""
    label, why, shown = _QUESTIONS[question.what]
    st.info(f"{plain(file.name)} {why}")
    columns = st.columns([3, 1], vertical_alignment="bottom")
    answer = columns[0].selectbox(
        label,
        question.choices,
        format_func=shown,
        key=f"bring-{question.what}",
        accept_new_options=question.what == "size",
    )
    if columns[1].button("Use this one", type="primary", key="bring-use", width="stretch"):
        st.session_state[_ANSWERS] = {**st.session_state[_ANSWERS], question.what: str(answer)}
        _read(file)


def _read(file: UploadedFile) -> None:
    """Read a file; the page begins anew where it is a network."""
    draft.clear_problem("file")
    with telling_errors(partial(draft.say_problem, "file"), then=partial(drop_upload, file)):
        with st.spinner(f"Reading {plain(file.name)}…"):
            answers = st.session_state[_ANSWERS]
            found = own_networks.read_network(file.getvalue, file.size, file.name, answers, session.token())
            if isinstance(found, Question):
                st.session_state[_QUESTION] = found
                if answers:
                    st.rerun()
                return
            draft.take_network(found)
        st.session_state[_QUESTION] = None
        drop_upload(file)
        st.rerun()


def _draw_published() -> None:
    network = draft.collect("published")
    if network is not None:
        with telling_errors(partial(draft.say_problem, "published")):
            draft.take_network(network)
            st.rerun()
    publisher = str(
        st.segmented_control(
            "Published by",
            list(_PUBLISHERS),
            default="torchvision",
            required=True,
            key="bring-publisher",
            persist_state="session",
        )
    )
    of_timm = publisher == "timm"
    if of_timm and not own_networks.has_timm():
        st.info("timm is not installed where the app runs: `pip install timm`, then start the app again.")
        return
    with st.spinner(f"Asking {publisher} what there is…"):
        names = own_networks.timm_names() if of_timm else own_networks.pretrained_names()
    usual = _PUBLISHERS[publisher]
    columns = st.columns([3, 1], vertical_alignment="bottom")
    name = columns[0].selectbox(
        "Architecture",
        names,
        index=names.index(usual) if usual in names else 0,
        # Of timm's more than thousand the name alone, which its users know.
        format_func=(lambda name: name.partition("/")[2]) if of_timm else own_networks.architecture_title,
        key=f"bring-published-{publisher}",
        persist_state="session",
    )
    weights = own_networks.published(name)
    size = "" if weights.bytes is None else megabytes(weights.bytes)
    job = draft.running("published")
    is_pressed = columns[1].button(
        "Open" if weights.is_here else f"Download {size}".strip(),
        type="primary",
        key="bring-download",
        width="stretch",
        disabled=job is not None,
    )
    where = (
        "already on this machine."
        if weights.is_here
        else f"fetched from {weights.host} when you press the button, not before."
    )
    told = (
        "timm's weights, in safetensors"
        if of_timm
        else f"Torchvision's weights, trained on ImageNet's 1,000 classes. {size}"
    )
    st.caption(f"{told}, {where}")
    if is_pressed:

        def work(job: Job) -> tasks.Network:
            return own_networks.download_published(name, job.progress, job.cancel_event.is_set)

        draft.begin("published", f"Weights of {own_networks.architecture_title(name)}", work)
        st.rerun()
    if job is not None:
        draft.follow(job)
    draft.draw_problem("published")


def _draw_python() -> None:
    st.write(
        "Any module works from Python. To see it here, save it as ONNX and drop the file under *A file*."
    )
    st.code(PYTHON, language="python")
