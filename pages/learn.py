"""Ollivier–Ricci curvature from scratch, on small graphs that can be changed, and six lessons."""

import streamlit as st

from ncviz.ui import learn_view, shell

shell.enter()
learn_view.introduction()
learn_view.controls()
picture, numbers = st.columns([1.75, 1], gap="medium")
with picture:
    learn_view.editor()
with numbers:
    learn_view.arithmetic()
st.markdown("##### Six lessons")
learn_view.lesson_list()
with st.expander("All edges"):
    learn_view.edge_list()
with st.expander("Share this lesson"):
    learn_view.share()
