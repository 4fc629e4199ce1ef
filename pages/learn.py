"""Ollivier–Ricci curvature from scratch, on small graphs that can be changed, and six lessons."""

import streamlit as st

from ncviz.ui.frame import shell
from ncviz.ui.learn import page

shell.enter()
page.introduction()
page.controls()
picture, numbers = st.columns([1.75, 1], gap="medium")
with picture:
    page.editor()
with numbers:
    page.arithmetic()
st.markdown("##### Six lessons")
page.lesson_list()
with st.expander("All edges"):
    page.edge_list()
with st.expander("Share this lesson"):
    page.share()
