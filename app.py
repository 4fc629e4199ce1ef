"""Entry point of ``streamlit run app.py``."""

import streamlit as st

from ncviz.ui.frame import shell

st.set_page_config(page_title="ncviz · neural curvature", page_icon=shell.ICON, layout="wide")
shell.run()
