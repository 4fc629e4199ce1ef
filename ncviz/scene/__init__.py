"""From a result to what is drawn and said of it: plain values, without Streamlit and without a session."""
