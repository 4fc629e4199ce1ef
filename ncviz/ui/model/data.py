"""Which images the network that is looked at is shown, and the folder with all of them."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import streamlit as st

from ncviz import tasks
from ncviz.tasks.images import find_dataset, load_dataset
from ncviz.text import plain
from ncviz.ui.model import data_download
from ncviz.ui.session import session, visitors
from ncviz.ui.session.problems import telling_errors


@telling_errors()
def draw_data(of: tasks.Network) -> None:
    """Say which images are used, and let the user name a folder with all of them."""
    spec = find_dataset(of.dataset)
    st.subheader(plain(spec.title))
    if spec.is_user_data:
        told = {split: load_dataset(of.dataset, split).description for split in ("train", "test")}
        if len(set(told.values())) == 1:
            st.write(sentence(told["train"]))
        else:
            st.write(f"For calibrating: {plain(told['train'])}.")
            st.write(f"For evaluating: {plain(told['test'])}.")
        st.caption(f"{sentence(spec.normalisation)} {plain(spec.sample_note)}".strip())
        return
    for split, what in (("train", "calibrating"), ("test", "evaluating")):
        with telling_errors():
            st.write(f"For {what}: {load_dataset(of.dataset, split, session.data_dir()).description}.")
    st.caption(f"{spec.citation} Source: {spec.source}. Licence: {spec.licence}.")
    if spec.sample_note:
        st.caption(spec.sample_note)
    if not spec.first_file:
        st.write("The digits are complete: all 1,797 images ship with ncviz.")
        return
    if not visitors.is_trusted():
        st.caption(
            "A folder with the full data set is for the server's owner to name, who opens the address with the token "
            "that was printed where it was started."
        )
        return
    st.text_input(
        "Folder with the full data set",
        value=session.data_dir() or "",
        placeholder=f"a folder that holds {spec.first_file}",
        key="data_folder",
        on_change=_take_folder,
    )
    folder = st.session_state.get("data_folder", "")
    if folder and session.data_dir() != folder:
        st.error(st.session_state.get("data_problem", "This folder cannot be used."))
    if data_download.offer_download("download-data", of.dataset, spec.title, folder.strip()):
        _take_folder()
        st.rerun()


def sentence(text: str) -> str:
    """Return text as a sentence: a capital first, and a full stop."""
    return plain(f"{text[:1].upper()}{text[1:]}.")


def _take_folder() -> None:
    folder = st.session_state["data_folder"].strip()
    if not folder:
        session.use_data_dir(None)
        return
    with telling_errors(partial(st.session_state.__setitem__, "data_problem")):
        visitors.check_trusted(data_download.FOLDER)
        load_dataset(session.network().dataset, "test", str(Path(folder).expanduser()))
        session.use_data_dir(folder)
