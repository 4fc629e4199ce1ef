"""Choose, bring, inspect a network, and say where its data lie."""

import streamlit as st

from ncviz.ui import model_view, session, shell, training_view

shell.enter()
st.title("Model")
network = session.network()
inspect, bring, train, data = st.tabs(["Inspect", "Your own checkpoint", "Train one here", "Data"])
with inspect:
    model_view.inspect(network)
with bring:
    model_view.bring()
with train:
    training_view.show()
with data:
    model_view.data(network)
