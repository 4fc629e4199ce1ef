"""Widgets, session state and what the pages share; the only room that imports streamlit."""
