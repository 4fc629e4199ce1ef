"""Entry point of ``streamlit run app.py``: what the server is, and the script that it runs for every page."""

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ncviz.ui.http import serving

# Streamlit looks for this name, and serves it.
app = st.App(
    __file__,
    middleware=serving.MIDDLEWARE,
    lifespan=serving.lifespan,
    exception_handlers=serving.FAULTS,
)

# The server reads this file, too, for the lines above.
if get_script_run_ctx(suppress_warning=True) is not None:
    from ncviz.ui.frame import shell

    st.set_page_config(page_title="ncviz · neural curvature", page_icon=shell.ICON, layout="wide")
    shell.run()
