"""Step 2 of bringing a network: the images that it is shown, from a known set, the user's files, or a folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from ncviz.data.datasets import DATASETS, find_dataset, load_dataset
from ncviz.data.image_settings import ImageSettings, settings_for
from ncviz.data.named import NAMED, download_named, known_names
from ncviz.data.own import OwnData, find_own, is_own, register
from ncviz.data.uploads import ENDINGS
from ncviz.errors import DataError, NcvizError
from ncviz.jobs import JobHandle
from ncviz.limits import LIMITS
from ncviz.models.network import Network
from ncviz.ui import bring_state, session
from ncviz.ui.bring_state import Draft
from ncviz.ui.data_settings import settings_form
from ncviz.ui.naming import plain

WAYS = {"known": "A known set", "files": "Your files", "folder": "A folder on this machine"}
THUMBNAILS, THUMBNAIL_SIDE, NAMED_CLASSES = 10, 76, 12
Read = Callable[[ImageSettings, int, Any], OwnData]


@dataclass(frozen=True)
class _Source:
    """Where images come from: what to call it, how to read it, and the name of a set that needs no reading."""

    title: str
    read: Read
    known: str = ""


def show(found: Draft) -> None:
    """Draw the ways to choose images, or what was chosen."""
    images = bring_state.collect("images")
    if images is not None:
        bring_state.take_images(*images)
        st.rerun()
    if found.dataset and not bring_state.is_changing("images"):
        try:
            _chosen(found)
        except NcvizError as error:
            st.error(plain(str(error)))
            if st.button("Choose images again", key="data-again"):
                bring_state.take_images("", None)
                st.rerun()
        return
    if found.dataset:
        bring_state.keep_former("images", "the images that are there")
    stem = found.network.fingerprint[:8]
    native = _native(found.network)
    way = st.segmented_control(
        "Which images",
        list(WAYS),
        format_func=lambda name: WAYS[name],
        default="known" if native else "files",
        required=True,
        label_visibility="collapsed",
        key=f"data-way-{stem}",
        persist_state="session",
    )
    ways = {"known": lambda: _known(found, native), "files": _files, "folder": _folder}
    source = ways[str(way)]()
    if source is None:
        bring_state.show_problem("images")
        return
    try:
        settings, most, names = settings_form(found, stem)
    except NcvizError as error:
        st.error(plain(str(error)))
        return
    job = bring_state.running("images")
    if st.button("Use these images", type="primary", key="data-use", disabled=job is not None):
        _start(found, source, settings, most, names)
        st.rerun()
    if job is not None:
        bring_state.follow(job)
    bring_state.show_problem("images")


def is_as_it_is(found: Draft, name: str, settings: ImageSettings) -> bool:
    """Whether a set that ncviz knows serves without reading it anew: same size, plain pixels, same classes."""
    spec = DATASETS.get(name)
    return (
        spec is not None and len(spec.classes) == found.classes and settings == settings_for(spec.input_shape)
    )


def resized(dataset: str, side: tuple[int, int]) -> tuple[str, ImageSettings]:
    """Return the name and settings of the same images at another size.

    Raises:
        DataError: If the images are no longer there.
    """
    from ncviz.data.images import fit_pixels
    from ncviz.data.named import read_named
    from ncviz.data.own import Part

    if not is_own(dataset):
        settings = replace(settings_for(find_dataset(dataset).input_shape), size=side)
        own = read_named(dataset, settings, session.data_dir())
        return register(own), settings
    own = find_own(dataset)
    settings = replace(own.settings, size=side, resize=None)
    parts = {
        split: Part(
            np.stack([fit_pixels(image, own.title, settings) for image in part.images]),
            part.labels,
            part.total,
        )
        for split, part in own.parts.items()
    }
    note = f"Made smaller from {own.settings.size[0]}×{own.settings.size[1]}."
    return register(replace(own, settings=settings, parts=parts, notes=(*own.notes, note))), settings


def _start(found: Draft, source: _Source, settings: ImageSettings, most: int, names: Sequence[str]) -> None:
    """Read the images in the background; what was chosen before stays until they are there."""
    if source.known and not any(names) and is_as_it_is(found, source.known, settings):
        bring_state.clear_problem("images")
        bring_state.take_images(source.known, None)
        return
    classes = tuple(names) or found.network.classes or ("",) * found.classes

    def work(handle: JobHandle) -> tuple[str, ImageSettings]:
        from ncviz.data.answers import fit_classes

        own = fit_classes(source.read(settings, most, handle.progress), classes)
        if any(names):
            own = replace(own, classes=tuple(names))
        # The server holds a bounded amount of images; the session holds their name alone.
        return register(own), settings

    bring_state.begin("images", f"Reading {source.title}", work)


def _native(network: Network) -> str:
    """Return the known set that a network's architecture is made for, or whose images have its shape."""
    if network.dataset in DATASETS:
        return network.dataset
    fits = [
        name for name, spec in DATASETS.items() if spec.is_bundled and spec.input_shape == network.image_shape
    ]
    return fits[0] if fits else ""


def _known(found: Draft, native: str) -> _Source | None:
    from ncviz.data.named import read_named

    names = list(known_names())
    columns = st.columns([1, 2])
    name = columns[0].selectbox(
        "Set",
        names,
        index=names.index(native) if native else 0,
        format_func=_title,
        key=f"data-known-{found.network.fingerprint[:8]}",
        persist_state="session",
    )
    is_bundled = name in DATASETS and DATASETS[name].is_bundled
    typed = columns[1].text_input(
        "Folder with full data sets" + (" (optional: a sample ships with ncviz)" if is_bundled else ""),
        session.data_dir() or "",
        key="data-known-folder",
        persist_state="session",
        placeholder="a folder in torchvision's layout",
    )
    folder: str | None = typed.strip() or None
    if folder is None and not is_bundled:
        st.caption(
            f"{_title(name)} does not ship with ncviz: name a folder that holds it, or one to download it to."
        )
        return None
    downloaded = bring_state.collect("download")
    job = bring_state.running("download")
    if downloaded:
        st.toast(f"{_title(name)} is downloaded.")
    if folder is not None and not (name in DATASETS and not DATASETS[name].files):
        if st.button(
            f"Download {_title(name)} into this folder", key="data-download", disabled=job is not None
        ):

            def fetch(handle: JobHandle) -> bool:
                handle.progress(0.0, "torchvision tells no progress")
                download_named(name, folder)
                return True

            bring_state.begin("download", f"Downloading {_title(name)}", fetch)
            st.rerun()
        bring_state.show_problem("download")
    if job is not None:
        bring_state.follow(job)
    return _Source(
        _title(name),
        lambda settings, most, progress: read_named(name, settings, folder, most=most, progress=progress),
        "" if folder else name,
    )


def _files() -> _Source | None:
    from ncviz.data.uploads import read_uploads

    files = st.file_uploader(
        "Images",
        type=list(ENDINGS),
        accept_multiple_files=True,
        key="data-files",
        max_upload_size=LIMITS.image_file_bytes // 1_000_000,
        label_visibility="collapsed",
    )
    if not files:
        st.caption(
            "One **.zip** with a folder for each class (or without, if nobody knows the classes), one **.npz** or "
            "**.npy** (with another for its labels), or single images. Labels are optional. Up to "
            f"{LIMITS.image_file_bytes / 1e6:.0f} MB."
        )
        return None
    held = [(file.name, file.getvalue()) for file in files]
    title = files[0].name if len(files) == 1 else f"{len(files)} files"
    columns = st.columns([1, 2], vertical_alignment="bottom")
    label = ""
    is_normalised = False
    if all(name.lower().endswith((".npz", ".npy")) for name, _ in held):
        is_normalised = columns[0].checkbox(
            "Already normalised", help="The file holds what the network sees.", key="data-normalised"
        )
    elif not held[0][0].lower().endswith(".zip"):
        label = columns[0].text_input(
            "Their class (optional)", key="data-label", max_chars=80, persist_state="session"
        )
    return _Source(
        title,
        lambda settings, most, progress: read_uploads(
            held,
            settings,
            label=label.strip() or None,
            is_normalised=is_normalised,
            most=most,
            progress=progress,
        ),
    )


def _folder() -> _Source | None:
    from ncviz.data.readers import read_tree

    folder = st.text_input(
        "Folder",
        key="data-folder-own",
        placeholder="a folder with one folder for each class, or with images alone",
        persist_state="session",
    ).strip()
    if not folder:
        return None
    path = Path(folder).expanduser()
    return _Source(
        path.name or str(path),
        lambda settings, most, progress: read_tree(path, settings, most=most, progress=progress),
    )


def _title(name: str) -> str:
    return DATASETS[name].title if name in DATASETS else NAMED[name].title


@dataclass(frozen=True, eq=False)
class _Preview:
    """What is shown of a data set: thumbnails, the classes that occur, and what it is."""

    pictures: list[np.ndarray]
    captions: list[str]
    present: tuple[int, ...]
    description: str


@st.cache_resource(max_entries=16)
def _preview(dataset: str, data_dir: str | None) -> _Preview:
    images = load_dataset(dataset, "train", data_dir)
    rows = np.linspace(0, len(images) - 1, min(THUMBNAILS, len(images))).astype(int).tolist()
    labels = images.labels[rows].tolist()
    return _Preview(
        [thumbnail(image) for image in images.pictures(images.inputs[rows]).numpy()],
        [plain(images.classes[label][:10]) if label >= 0 else "no label" for label in labels],
        tuple(sorted(set(images.labels.tolist()))),
        images.description,
    )


def _chosen(found: Draft) -> None:
    """Draw what the network will see, which classes there are, and what the reader has to say."""
    spec = find_dataset(found.dataset)
    shown = _preview(found.dataset, session.data_dir())
    words, other = st.columns([4, 1], vertical_alignment="center")
    words.markdown(f"**{plain(spec.title)}** · {plain(shown.description)}", width="stretch")
    if other.button("Other images", key="data-other", width="stretch"):
        bring_state.change("images")
        st.rerun()
    with st.container(horizontal=True, gap="small"):
        for picture, caption in zip(shown.pictures, shown.captions, strict=True):
            st.image(picture, caption=caption, width=THUMBNAIL_SIDE)
    if spec.has_labels:
        told = ", ".join(spec.classes[label] for label in shown.present[:NAMED_CLASSES])
        more = f" and {len(shown.present) - NAMED_CLASSES} more" if len(shown.present) > NAMED_CLASSES else ""
        st.caption(
            plain(
                f"{len(shown.present)} of {len(spec.classes):,} classes: {told}{more}. {_sentence(spec.normalisation)}"
            )
        )
    else:
        st.caption(
            plain(
                "No labels: curvature and pictures work, accuracy cannot be told. An image counts for the class that "
                f"the network puts it into. {_sentence(spec.normalisation)}"
            )
        )
    if spec.is_own and spec.sample_note:
        st.info(plain(spec.sample_note))


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def thumbnail(image: np.ndarray) -> np.ndarray:
    """Return an image [C, H, W] in [0, 1] as bytes [rows, columns, 3], small ones enlarged without smoothing.

    Raises:
        DataError: If it has neither one channel nor three.
    """
    if image.ndim != 3 or image.shape[0] not in (1, 3):
        raise DataError(
            f"An image has 1 or 3 channels, got the shape {list(image.shape)}; bring other images."
        )
    pixels = (image.transpose(1, 2, 0) * 255).round().clip(0, 255).astype(np.uint8)
    times = max(1, THUMBNAIL_SIDE // max(pixels.shape[:2]))
    return np.broadcast_to(pixels, (*pixels.shape[:2], 3)).repeat(times, axis=0).repeat(times, axis=1)
