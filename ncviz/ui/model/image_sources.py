"""Where a user's images come from: a known set, files, or a folder; each a few fields and what reads them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from ncviz.errors import NcvizError
from ncviz.limits import LIMITS
from ncviz.tasks.images import (
    DATASETS,
    ENDINGS,
    ImageSettings,
    UserData,
    default_data_dir,
    known_names,
    known_title,
    native_set,
    nearest_set,
    prepare_reading,
    read_named,
    read_tree,
    read_uploads,
    read_white,
    shared_size,
)
from ncviz.text import plain
from ncviz.ui.http.uploads import count_refused, forget_refused
from ncviz.ui.model import data_download
from ncviz.ui.model.draft import Draft
from ncviz.ui.session import session, visitors

# What the uploader stands beside takes names without a dot.
_ARRAYS = (".npz", ".npy")
_HAD_FILES = "data-files-had"
Read = Callable[[ImageSettings, int, Any], UserData]


@dataclass(frozen=True)
class Source:
    """Where images come from.

    Attributes:
        title: What to call it.
        read: How to read it.
        known: Name of a set that needs no reading.
        files: Uploads.
        size: Height and width of its images, where they have them in common and that is known before they are read.
    """

    title: str
    read: Read
    known: str = ""
    files: tuple[UploadedFile, ...] = ()
    size: tuple[int, int] | None = None


def draw_sources(found: Draft) -> Source | None:
    """Draw the ways to choose images and the fields of the chosen one; None while something is missing.

    Raises:
        NcvizError: If a field holds nothing of use, or what is asked for is not this visitor's to ask.
    """
    native = native_set(found.network)
    ways: dict[str, tuple[str, Callable[[], Source | None]]] = {
        "known": ("A known set", lambda: _draw_known(found)),
        "files": ("Your files", _draw_files),
    }
    if visitors.is_trusted():
        ways["folder"] = "A folder on this machine", _draw_folder
    way = st.pills(
        "Which images",
        list(ways),
        format_func=lambda name: ways[name][0],
        default="known" if native else "files",
        required=True,
        label_visibility="collapsed",
        key=f"data-way-{found.network.fingerprint[:8]}",
        persist_state="session",
    )
    return ways[str(way)][1]()


def _draw_known(found: Draft) -> Source | None:
    names = list(known_names())
    columns = st.columns([1, 2])
    name = columns[0].selectbox(
        "Set",
        names,
        index=names.index(nearest_set(found.network, found.classes)),
        format_func=known_title,
        key=f"data-known-{found.network.fingerprint[:8]}",
        persist_state="session",
    )
    is_bundled = name in DATASETS and DATASETS[name].is_bundled
    folder: str | None = None
    if visitors.is_trusted():
        typed = columns[1].text_input(
            "Folder with full data sets" + (" (optional: a sample ships with ncviz)" if is_bundled else ""),
            session.data_dir() or "",
            key="data-known-folder",
            persist_state="session",
            placeholder="a folder in torchvision's layout",
        )
        folder = typed.strip() or None
        if folder is not None and not (name in DATASETS and not DATASETS[name].files):
            data_download.offer_download("data-download", name, known_title(name), folder)
    if folder is None and not is_bundled and default_data_dir() is None:
        st.caption(
            f"{known_title(name)} does not ship with ncviz: "
            + (
                "name a folder that holds it, or one to download it to."
                if visitors.is_trusted()
                else "bring its images as files."
            )
        )
        return None
    return Source(
        known_title(name),
        lambda settings, most, progress: read_named(name, settings, folder, most=most, progress=progress),
        "" if folder else name,
        size=DATASETS[name].input_shape[1:] if name in DATASETS else None,
    )


def _draw_files() -> Source | None:
    prepare_reading()
    files = st.file_uploader(
        "Images",
        type=list(ENDINGS),
        accept_multiple_files=True,
        key="data-files",
        max_upload_size=LIMITS.image_file_bytes // 1_000_000,
        label_visibility="collapsed",
    )
    had = st.session_state.get(_HAD_FILES, False)
    st.session_state[_HAD_FILES] = bool(files)
    if not files:
        if had:
            forget_refused()
        st.caption(
            "One **.zip** with a folder for each class (or without, if nobody knows the classes), one **.npz** or "
            f"**.npy** (with another for its labels), or up to {LIMITS.session_uploads:,} single images. Labels are "
            "optional."
        )
        return None
    if refused := count_refused():
        st.warning(
            f"{refused:,} more could not be brought, for the reason beside each, and are missing from these "
            f"{len(files):,}. One .zip holds more than single files do; remove these to begin again."
        )
    contents = [(file.name, file.getvalue()) for file in files]
    title = files[0].name if len(files) == 1 else f"{len(files)} files"
    label, white, is_normalised = "", None, False
    if all(name.lower().endswith(_ARRAYS) for name, _ in contents):
        columns = st.columns([1, 1, 1], vertical_alignment="bottom")
        is_normalised = columns[1].checkbox(
            "Already normalised", help="The file holds what the network sees.", key="data-normalised"
        )
        typed = columns[0].text_input(
            "A white pixel counts",
            placeholder="found out",
            help="255 for bytes, 1 for fractions, 16 for scikit-learn's digits.",
            key="data-white",
            max_chars=20,
            persist_state="session",
            disabled=is_normalised,
        )
        white = None if is_normalised else read_white(typed)
    elif not contents[0][0].lower().endswith(".zip"):
        label = st.columns([1, 2])[0].text_input(
            "Their class (optional)", key="data-label", max_chars=80, persist_state="session"
        )
    visitor = session.token()
    return Source(
        title,
        lambda settings, most, progress: read_uploads(
            contents,
            settings,
            label=label.strip() or None,
            white=white,
            is_normalised=is_normalised,
            most=most,
            progress=progress,
            visitor=visitor,
        ),
        files=tuple(files),
        size=shared_size(contents, visitor),
    )


def _draw_folder() -> Source | None:
    visitors.check_trusted(data_download.FOLDER)
    folder = st.text_input(
        "Folder",
        key="data-folder-own",
        placeholder="a folder with one folder for each class, or with images alone",
        persist_state="session",
    ).strip()
    if not folder:
        return None
    try:
        path = Path(folder).expanduser()
    except RuntimeError as error:
        raise NcvizError(f"There is no folder {plain(folder[:80])}; name another.") from error
    return Source(
        path.name or str(path),
        lambda settings, most, progress: read_tree(path, settings, most=most, progress=progress),
    )
