"""The network coloured by curvature, the threshold slider and the live accuracy, on one screen."""

import streamlit as st

st.title("Explore")
