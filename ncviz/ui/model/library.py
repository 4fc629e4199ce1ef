"""What a session keeps: its own networks, saved on this machine or not, and opening or removing saved ones."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from ncviz import tasks
from ncviz.tasks import library
from ncviz.text import plain, size
from ncviz.ui.model import draft
from ncviz.ui.session import networks, session, visitors
from ncviz.ui.session.problems import telling_errors
from ncviz.ui.session.tables import show_table


def draw_own_networks() -> None:
    """Draw this session's own networks with what can be done with each."""
    own = session.own_networks()
    if not own:
        st.caption(
            "Once computed, a network stands here: it is private to this session, and gone with it unless you save it."
        )
        return
    for name, of in own.items():
        columns = st.columns([4, 1, 1.3, 1], vertical_alignment="center")
        is_shown = name == session.view().model
        columns[0].markdown(f"**{plain(of.title)}**" + (" · shown now" if is_shown else ""))
        if columns[1].button("Show", key=f"keep-show-{name}", width="stretch", disabled=is_shown):
            networks.select_model(name)
            st.switch_page("pages/explore.py")
        if columns[2].button("Save on this machine", key=f"keep-save-{name}", width="stretch"):
            _save(of)
        if columns[3].button(
            "Forget", key=f"keep-drop-{name}", width="stretch", help="Take it out of this session."
        ):
            networks.drop_network(name)
            st.rerun()
    st.caption(
        "Private to this session unless saved. The pruned network in the format that it came in: Explore, tab "
        "Downloads, or Pruning, tab Plans and files."
    )


def draw_library() -> None:
    """Draw the saved networks, with opening and removing."""
    found = library.list_networks(library.library_folder())
    where = f", in {library.library_folder()}" if visitors.is_trusted() else ""
    st.write(
        plain(f"Networks that were saved on this machine{where}. Everybody who uses this server sees them.")
    )
    if not found:
        st.info("Nothing is saved yet. A network that you bring can be saved in step 4 of “Bring your own”.")
        return
    show_table(
        pd.DataFrame(
            [
                {"network": each.title, "architecture": each.architecture, "size": size(each.bytes)}
                for each in found
            ]
        ),
        hide_index=True,
    )
    titles = {each.name: each.title for each in found}
    columns = st.columns([3, 1, 1], vertical_alignment="bottom")
    name = columns[0].selectbox(
        "Saved network", list(titles), format_func=lambda key: titles[key], key="library-name"
    )
    if columns[1].button("Open", type="primary", key="library-open", width="stretch"):
        _open(str(name))
    if not _may_remove(str(name)):
        return
    # One of each network's own: left open it would ask for the next, and a second click would remove that as well.
    with columns[2].popover("Remove", width="stretch", key=f"library-ask-{name}"):
        st.write(plain(f"Remove {titles[str(name)]} for good?"))
        if st.button("Remove it", key=f"library-remove-{name}"):
            with telling_errors():
                library.remove_saved(library.library_folder(), str(name))
                library.remove_unused_images(library.library_folder())
                st.rerun()


def _may_remove(name: str) -> bool:
    """Whether this visitor may delete a saved network: what others saved is not everybody's to delete."""
    return visitors.is_trusted() or name in st.session_state.get("saved", ())


@telling_errors()
def _save(of: tasks.Network) -> None:
    known = {each.name for each in library.list_networks(library.library_folder())}
    name = library.save_network(library.library_folder(), of)
    if name not in known:
        st.session_state.setdefault("saved", set()).add(name)
    library.save_images(library.library_folder(), of)
    st.toast(plain(f"{of.title} is saved; find it under Library."))


@telling_errors()
def _open(name: str) -> None:
    """Open a saved network with its images; where those are gone, they are asked for."""
    of = library.open_saved(library.library_folder(), name)
    if not library.open_images(library.library_folder(), of):
        draft.take_network(of)
        st.toast("Its images are no longer there; choose some under “Bring your own”.")
        return
    if of.dataset:
        networks.add_network(of)
        st.switch_page("pages/explore.py")
    draft.take_network(of)
    st.toast("Choose images for it under “Bring your own”.")
